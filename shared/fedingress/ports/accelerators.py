"""Global accelerators of an account."""

from collections.abc import Mapping
from typing import Protocol

from fedingress.domain.accelerator import Accelerator, EndpointGroup
from fedingress.ports.guard import Guard


class Accelerators(Protocol):
    """
    One account's. Every method may raise `Unavailable` or `Forbidden`.

    What was deleted or changed meanwhile raises `Conflict`; what is refused, `Invalid`; a quota
    that is used up, `QuotaExceeded`.
    """

    call_timeout_seconds: float

    def find(self, name: str, tags: Mapping[str, str]) -> Accelerator | None:
        """The one of this name that carries all *tags*, with all that it holds."""
        ...

    def create(self, name: str, tags: Mapping[str, str], guard: Guard) -> Accelerator:
        """Make one without a listener; made a moment before, it is given again."""
        ...

    def listen(self, found: Accelerator, ports: tuple[int, ...], guard: Guard) -> Accelerator:
        """Give it a listener for these ports, or change the one that it has."""
        ...

    def put_group(self, found: Accelerator, group: EndpointGroup, guard: Guard) -> None:
        """Make the group of a region, or change the one that stands (`group.arn`)."""
        ...

    def delete_group(self, group: EndpointGroup, guard: Guard) -> None:
        """Remove one; one that is not there is no error."""
        ...

    def retire(self, found: Accelerator, guard: Guard) -> None:
        """Make the next step of a removal: groups and listener, disabling, deleting."""
        ...
