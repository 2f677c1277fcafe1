"""
The account's allowance of requests, and the ids that Route 53 gives.

Source: Developer Guide, "Quotas": five requests per second and account, all of Route 53 together.
"""

import secrets
import string
from collections.abc import Callable

from localcloud.aws.wire.errors import AwsError

_ALPHABET = string.ascii_uppercase + string.digits


class Throttle:
    """A bucket that holds one second's requests and is filled steadily."""

    def __init__(self, per_second: float | None, clock: Callable[[], float]) -> None:
        """Let *per_second* requests through, every one when it is None."""
        self._per_second = per_second
        self._clock = clock
        self._tokens = per_second or 0.0
        self._filled = clock()

    def take(self) -> None:
        """
        Count one request.

        Raises:
            AwsError: Throttling.
        """
        if self._per_second is None:
            return
        now = self._clock()
        gained = (now - self._filled) * self._per_second
        self._tokens = min(self._per_second, self._tokens + gained)
        self._filled = now
        if self._tokens < 1:
            raise AwsError("Throttling", "Rate exceeded")
        self._tokens -= 1


def new_id(first: str, length: int = 20) -> str:
    """Give an id as Route 53 makes them for zones (``Z``) and changes (``C``)."""
    return first + "".join(secrets.choice(_ALPHABET) for _ in range(length))
