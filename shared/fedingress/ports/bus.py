"""The bus that carries work from one concern to the next, at least once, in no order."""

from collections.abc import Iterable
from typing import Protocol

from fedingress.domain.work import Work


class Bus(Protocol):
    """Publishes; deliveries come back through a door."""

    def publish(self, works: Iterable[Work]) -> None:
        """
        Publish each work; returns when the bus has accepted all.

        Raises:
            Unavailable: The bus did not accept; the caller's own work stays due.
        """
        ...
