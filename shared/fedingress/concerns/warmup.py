"""Warm-up: whether backend services that routes do not lead to yet can answer, and how long ago."""

from collections.abc import Callable, Collection, Sequence

from fedingress.domain.graph import GlobalResource
from fedingress.planning import warming
from fedingress.ports import Ports

Healthy = Callable[[Collection[str], Sequence[GlobalResource]], Collection[str]]
"""Which of the backend services with these paths have a healthy endpoint."""


class WarmUp:
    """The waits of one Ingress, in one note: *limit_seconds* each, then the routes lead there."""

    def __init__(self, uid: str, ports: Ports, healthy: Healthy, *, limit_seconds: float) -> None:
        self._name = f"warming/{uid}"
        self._ports = ports
        self._healthy = healthy
        self._limit = limit_seconds
        self.awaited: frozenset[str] = frozenset()
        self.pause = 0.0

    def look(
        self, wanted: Sequence[GlobalResource], observed: Sequence[GlobalResource]
    ) -> frozenset[str]:
        """
        Paths of the backend services that routes have to wait for now.

        Keeps since when each is awaited; `awaited` and `pause` (seconds until the next look) tell
        the same until the next call.
        """
        ledger, now = self._ports.ledger, self._ports.clock.now()
        fresh = warming.newcomers(wanted, observed) if self._limit else frozenset()
        cold = fresh - set(self._healthy(fresh, observed)) if fresh else fresh
        note = ledger.note(self._name)
        since = warming.begun(cold, note["since"] if note else {}, now)
        if since and (note is None or note["since"] != since):
            ledger.put_note(self._name, {"since": since})
        elif note is not None and not since:
            ledger.drop_note(self._name)
        rest = warming.rests(since, now, self._limit)
        self.awaited = frozenset(rest)
        self.pause = warming.pause(since, rest, now) if rest else 0.0
        return self.awaited
