"""The bus that carries work from one concern to the next, at least once, in no order."""

from collections.abc import Iterable
from typing import Protocol

from fedingress.domain.work import Work


class Bus(Protocol):
    """Publishes; deliveries come back through a door."""

    def publish(self, works: Iterable[Work]) -> None:
        """
        Publish each work; returns when the bus has accepted all.

        A bus that cannot hold a delay leaves such a work to the tick: whoever asks for a unit to
        come back later has written `due_at` before.

        Raises:
            Unavailable: The bus did not accept; the caller's own work stays due.
            Forbidden: Our credentials may not publish.
        """
        ...
