"""Changes as data: planned by pure code, carried out by concerns, printed by the command line."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar


class Named(Protocol):
    """What every planned thing can say of itself."""

    @property
    def label(self) -> str:
        """Kind, place and name in a few words, unique within a plan."""
        ...

    def as_json(self) -> Any:
        """The thing as JSON, for `--output json`."""
        ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(Generic[T]):
    """*desired* is not there."""

    desired: T
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Generic[T]):
    """*observed* is ours and differs from *desired* in *fields*."""

    observed: T
    desired: T
    fields: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(Generic[T]):
    """*observed* is ours and nobody wants it."""

    observed: T
    why: str


Change = Create[T] | Update[T] | Delete[T]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Generic[T]):
    """
    Changes in the order in which they are carried out, and what was held back.

    held: one sentence per thing that a brake, a conflict or an unknown kept from changing.
    """

    changes: tuple[Change[T], ...] = ()
    held: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __iter__(self) -> Iterator[Change[T]]:
        return iter(self.changes)

    def counts(self) -> dict[str, int]:
        """How many creates, updates and deletes, for logs."""
        kinds = [type(change).__name__.lower() for change in self.changes]
        return {kind: kinds.count(kind) for kind in ("create", "update", "delete")}


def as_json(change: Change[Any]) -> dict[str, Any]:
    """One change as a JSON object: `action`, `what`, `why`, and the fields or objects concerned."""
    match change:
        case Create(desired=desired, why=why):
            return {
                "action": "create",
                "what": desired.label,
                "why": why,
                "desired": desired.as_json(),
            }
        case Update(observed=observed, desired=desired, fields=fields, why=why):
            return {
                "action": "update",
                "what": desired.label,
                "why": why,
                "fields": list(fields),
                "observed": observed.as_json(),
                "desired": desired.as_json(),
            }
    return {
        "action": "delete",
        "what": change.observed.label,
        "why": change.why,
        "observed": change.observed.as_json(),
    }
