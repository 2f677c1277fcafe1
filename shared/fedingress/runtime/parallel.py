"""The port `Parallel` on a pool of threads that lives as long as the instance."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from fedingress.domain.errors import FederationError, LeaseLost

K = TypeVar("K")
V = TypeVar("V")


class Threads:
    """
    Runs at most *width* calls at a time, over all runs of this process.

    A single call runs in the caller's own thread.
    """

    def __init__(self, width: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=width, thread_name_prefix="fan-out")

    def each(self, items: Iterable[K], call: Callable[[K], V]) -> Mapping[K, V | FederationError]:
        """The result of *call* for each item, or the port error it raised."""
        listed = list(items)
        if len(listed) == 1:
            return {listed[0]: _caught(call, listed[0])}
        started = {item: self._pool.submit(_caught, call, item) for item in listed}
        wait(started.values())
        return {item: future.result() for item, future in started.items()}

    def close(self) -> None:
        """End the threads once their calls have ended."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _caught(call: Callable[[K], V], item: K) -> V | FederationError:
    try:
        return call(item)
    except LeaseLost:
        raise
    except FederationError as error:
        return error
