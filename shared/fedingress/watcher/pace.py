"""How fast a watcher works and waits, and what it counts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """
    Times, in seconds.

    silence: without an event or a bookmark (about one a minute) for so long, the link is dead.
    watch: between these the server is asked to end a watch, so that streams do not end together.
    backoff: the first and the longest wait after a failure; waits are drawn from 0 to it.
    short_watch, short_watches: after so many watches that ended sooner without an event, our
        resourceVersion is taken for too old.
    """

    silence: float = 70.0
    watch: tuple[int, int] = (240, 300)
    backoff: tuple[float, float] = (0.2, 30.0)
    short_watch: float = 1.0
    short_watches: int = 3


@dataclass(slots=True, kw_only=True)
class Counts:
    """What happened so far, for metrics and tests. events: objects listed or told."""

    events: int = 0
    lists: int = 0
    watches: int = 0
    expired: int = 0
    silent: int = 0
    short: int = 0
    errors: int = 0
