"""Waiting by deadline: the machine may be slow, so the bound is wide and the look is often."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

DEADLINE_SECONDS = 90.0
_LOOK_SECONDS = 0.05


def until(
    what: str,
    look: Callable[[], Found],
    *,
    seconds: float = DEADLINE_SECONDS,
    say: Callable[[], object] | None = None,
) -> Found:
    """
    Give the first true answer of *look*; fail with *what* when there is none in time.

    Args:
        what: Ends the sentence "waited in vain for".
        look: Asked again and again.
        seconds: At most.
        say: Gives what stands instead, for the failure's sentence.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            why = f": {say()}" if say else ""
            raise AssertionError(f"waited {seconds:g} s in vain for {what}{why}")
        time.sleep(_LOOK_SECONDS)
    return found


def holds(look: Callable[[], bool], *, seconds: float) -> bool:
    """Whether *look* is true at every look for so long: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not look():
            return False
        time.sleep(_LOOK_SECONDS)
    return True
