"""The pod addresses of one cluster, given in turn: a freed one rests before its next use."""

from collections import deque
from collections.abc import Callable

FIRST_POD = 11  # nodes have the numbers below
LAST_POD = 250


class PodAddresses:
    """Addresses to give to pods."""

    def __init__(self, address_of: Callable[[int], str]) -> None:
        """Give ``address_of(n)`` for n from `FIRST_POD` to `LAST_POD`."""
        self._free = deque(address_of(n) for n in range(FIRST_POD, LAST_POD + 1))

    def take(self) -> str | None:
        """Give an address nobody has, or None when all are taken."""
        return self._free.popleft() if self._free else None

    def release(self, address: str) -> None:
        """Take an address back; it comes last in the queue."""
        self._free.append(address)
