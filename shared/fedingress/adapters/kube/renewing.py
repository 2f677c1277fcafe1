"""
Tokens that end: made when first needed, and again shortly before their end.

`google`, `amazon` and `credentials` keep each of their tokens in one. What is kept is in memory
only, and in no repr.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from fedingress.domain.errors import Unavailable

_EARLY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """ends: in Unix seconds; infinite for one that says nothing of its end."""

    text: str = field(repr=False)
    ends: float = math.inf


class Renewing:
    """
    The header with a token that *make* gives; the port `Credentials` of a connection.

    Many threads may ask at once: one of them makes it, the others wait and get the same. A header
    that a server has refused is replaced once, whoever of its users hears of it first.
    """

    def __init__(self, make: Callable[[], Token], *, now: Callable[[], float] = time.time) -> None:
        self._make = make
        self._now = now
        self._kept: Token | None = None
        self._lock = threading.Lock()

    def __call__(self, refused: str = "") -> str:
        """
        The header.

        Raises:
            Unavailable, Forbidden: There is no living token, and none can be made.
        """
        with self._lock:
            kept = self._kept
            if kept is None or refused == _header(kept) or self._now() >= kept.ends:
                self._kept = kept = self._make()
            elif self._now() >= kept.ends - _EARLY_SECONDS:
                kept = self._renewed(kept)
            return _header(kept)

    def _renewed(self, kept: Token) -> Token:
        """A new one, or while it lives the old one: whoever makes them may be down for a moment."""
        try:
            self._kept = self._make()
        except Unavailable:
            return kept
        return self._kept


def _header(token: Token) -> str:
    return f"Bearer {token.text}"
