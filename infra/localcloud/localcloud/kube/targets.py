"""What a write is aimed at, how it is to be done, and what a cluster adds on the way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.kube.errors import Causes
from localcloud.kube.resources import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a request writes to; *name* may be empty for a create."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(slots=True, kw_only=True)
class Options:
    """
    How to write.

    Attributes:
        manager: Field manager.
        user: Name of the caller for admission.
        force: Server-side apply takes fields from other managers.
        dry_run: Do everything but store.
        validation: What happens to unknown fields: ``Strict``, ``Warn`` or ``Ignore``.
        warnings: Filled with what the caller should be told.
    """

    manager: str
    user: str = "system:admin"
    force: bool = False
    dry_run: bool = False
    validation: str = "Warn"
    warnings: list[str] = field(default_factory=list)


Allocate = Callable[[dict[str, Any], Mapping[str, Any] | None], None]
Check = Callable[[Mapping[str, Any], Mapping[str, Any] | None], Causes]
Admit = Callable[[Target, str, Mapping[str, Any] | None, Mapping[str, Any] | None, Options], None]
Finished = Callable[[Target, Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """
    What a cluster adds to the common way.

    Attributes:
        allocate: By kind, fills in what the cluster hands out (addresses).
        check: By kind, further validation that needs the cluster.
        admit: Admission: raises an ApiError for what a policy refuses.
        finished: Whether a terminating object may go now.
    """

    allocate: Mapping[str, Allocate]
    check: Mapping[str, Check]
    admit: Admit
    finished: Finished


def timestamp() -> str:
    """Give the time now as objects carry it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
