"""How a run of a concern ended, as far as the work queue must know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Everything is as desired; nothing is awaited."""

    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Something is awaited: look again after *after_seconds*."""

    after_seconds: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The user must change something; every reason is one sentence. Not retried by itself."""

    reasons: tuple[str, ...]


Outcome = Settled | Later | Refused
