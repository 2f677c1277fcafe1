"""Doing one thing for many clusters at once, without one failure touching the others."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from fedingress.domain.errors import FederationError

K = TypeVar("K")
V = TypeVar("V")


class Parallel(Protocol):
    """Runs calls side by side, bounded."""

    def each(self, items: Iterable[K], call: Callable[[K], V]) -> Mapping[K, V | FederationError]:
        """
        The result of *call* for each item, or the port error it raised.

        `LeaseLost` and errors outside the tree of `domain.errors` are raised, after all ended.
        """
        ...
