"""
The pace of requests to an account, kept over all instances of all functions.

`Clients` asks for a turn before each request to Route 53, which allows five per second and account.
Turns are taken from the store in portions, so that most requests need no word with it. The clocks
of instances may differ by a fraction of a second, for which the fifth request is left.

Source: Route 53 Developer Guide, "Quotas", "Maximums on API requests".
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Final

from fedingress.adapters.aws.errors import Busy
from fedingress.domain.errors import Conflict
from fedingress.planning.pacing import Rate, portion, usable
from fedingress.ports.store import ABSENT, Key, Store

ROUTE53: Final = Rate(per_second=4.0, burst=3, portion=4)
_LONGEST_SECONDS: Final = 15.0
"""Who would wait longer leaves the queue to others, and comes again."""
_TRIES: Final = 10
_MOST_PAUSE_SECONDS: Final = 0.05


class Pace:
    """
    One per process and account; safe to call from many threads.

    account: names what is shared in the store.   clock: Unix seconds.
    """

    def __init__(
        self,
        store: Store,
        account: str,
        rate: Rate = ROUTE53,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._key = Key(family="rate", name=account)
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._moments: list[float] = []

    def take(self) -> None:
        """
        Wait for a turn.

        Raises:
            Busy: It would come late, or too many instances ask at once.
            Unavailable: The store does not answer.
        """
        with self._lock:
            moment = self._next()
        while (wait := moment - self._clock()) > 0:
            self._sleep(wait)

    def _next(self) -> float:
        now = self._clock()
        self._moments = [each for each in self._moments if usable(each, now, self._rate)]
        if not self._moments:
            self._moments = self._portion()
        return self._moments.pop(0)

    def _portion(self) -> list[float]:
        for _ in range(_TRIES):
            document = self._store.get(self._key)
            free_at = float(document.body["free_at"]) if document else 0.0
            now = self._clock()
            moments, free = portion(free_at, now, self._rate)
            if moments[0] > now + _LONGEST_SECONDS:
                wait = moments[0] - now
                raise Busy(f"{self._key.name} is asked as often as it allows", after_seconds=wait)
            expected = document.version if document else ABSENT
            try:
                self._store.put(self._key, {"free_at": free}, expected=expected)
            except Conflict:
                self._sleep(random.uniform(0, _MOST_PAUSE_SECONDS))  # noqa: S311
                continue
            return list(moments)
        raise Busy(f"{self._key.name}: many instances ask for a turn at once", after_seconds=1.0)
