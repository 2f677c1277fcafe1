"""
A rate that many instances keep together: the moments at which each may make its requests.

Called by the adapter of an API that allows an account so many requests per second, whoever makes
them. One number is shared, the moment that is free next; who needs moments takes a portion of them
by moving it on. Moments are never given twice, so all requests together keep to the rate.
"""

from dataclasses import dataclass
from typing import Final

HORIZON_SECONDS: Final = 60.0
"""Nobody waits so long: a moment further ahead was written by a clock that was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """
    per_second: requests per second, over all.

    burst: requests that may be made at once after a quiet time, beside the first.
    portion: moments taken at a time.
    """

    per_second: float
    burst: int
    portion: int

    @property
    def patience_seconds(self) -> float:
        """How long after its moment a request may still be made."""
        return self.burst / self.per_second


def portion(free_at: float, now: float, rate: Rate) -> tuple[tuple[float, ...], float]:
    """
    Take the next moments.

    Within any T seconds at most `T * per_second + burst + 1` requests are made, if each is made
    between its moment and `usable` no more.

    Args:
        free_at: The moment that is free next, in Unix seconds; 0 when nobody took any.
        now: Unix seconds.
        rate: What is kept to.

    Returns:
        The moments taken, the earliest first, and the one that is free next.
    """
    known = free_at if free_at <= now + HORIZON_SECONDS else now
    first = max(known, now - rate.patience_seconds)
    moments = tuple(first + number / rate.per_second for number in range(rate.portion))
    return moments, first + rate.portion / rate.per_second


def usable(moment: float, now: float, rate: Rate) -> bool:
    """Whether a request may still be made at *moment* or after it; else it is lost."""
    return now <= moment + rate.patience_seconds
