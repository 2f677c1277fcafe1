"""How a run of a concern ended, as far as the work queue must know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """
    Everything that can be done now is done.

    look_again_seconds: when to look again for what no event tells; news go first. None: only news.
    held: how many changes a brake, a conflict or an unknown kept back, for logs.
    """

    summary: str = ""
    look_again_seconds: float | None = None
    held: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """The unit cannot go on: until *after_seconds* are over, events only raise the need."""

    after_seconds: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The user must change something; every reason is one sentence. Not retried by itself."""

    reasons: tuple[str, ...]


Outcome = Settled | Later | Refused
