"""Clock readings as the services write them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

Clock = Callable[[], float]  # seconds since 1970, as time.time gives them

_PACIFIC = timezone(timedelta(hours=-8))  # Compute Engine answers in Pacific time


def compute_time(seconds: float) -> str:
    """Give RFC 3339 with milliseconds and an offset that is not zero."""
    return datetime.fromtimestamp(seconds, _PACIFIC).isoformat(timespec="milliseconds")


def dns_time(seconds: float) -> str:
    """Give RFC 3339 in UTC with milliseconds and ``Z``, the one form google-cloud-dns reads."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
