"""
The errors that cross ports, drawn as a tree. SDK errors never do: an adapter chains them.

    FederationError
    ├── Unavailable   429, 5xx, timeouts, refused connections: come back after_seconds
    │   ├── InUse           something else refers to it, ours or not: it may let go
    │   └── NotReady        an earlier change of it still runs, mostly ours
    ├── Conflict      409, 412, a lost etag or resourceVersion: observe again and replan
    ├── Forbidden     401, 403: credentials or rights are missing; the text says which
    │   └── QuotaExceeded   the project may have no more of these
    ├── Invalid       400, 422 and our own decoding: the user's fault, with every reason
    ├── Unsupported   a valid wish that this adapter or topology cannot fulfil
    ├── Untrusted     an event or a call that its publisher may not send: refused, and counted
    ├── UnsafePlan    a brake: the plan removes more than the policy allows
    └── LeaseLost     our lease ended or was taken over: touch nothing more
"""

from collections.abc import Iterable


class FederationError(Exception):
    """The root of every error that a port may raise."""


class Unavailable(FederationError):  # noqa: N818  the words of the field read better than *Error
    """The other side did not answer, or asked us to come back."""

    def __init__(self, message: str, *, after_seconds: float = 5.0) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class InUse(Unavailable):
    """What should go is still referred to; the text says by what."""


class NotReady(Unavailable):
    """An earlier change of the same resource still runs."""


class Conflict(FederationError):  # noqa: N818
    """The object changed since it was observed, or exists already."""


class Forbidden(FederationError):  # noqa: N818
    """Our credentials are refused or lack a right."""


class QuotaExceeded(Forbidden):
    """The project has as many of these as it may."""


class Invalid(FederationError):  # noqa: N818
    """The input is wrong; `reasons` holds every fault found, one sentence each."""

    def __init__(self, reasons: str | Iterable[str]) -> None:
        self.reasons = (reasons,) if isinstance(reasons, str) else tuple(reasons)
        super().__init__("; ".join(self.reasons))


class Unsupported(FederationError):  # noqa: N818
    """The wish is valid, but cannot be fulfilled here."""


class Untrusted(FederationError):  # noqa: N818
    """Whoever sent this may not; `reason` is the word under which it is counted."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class UnsafePlan(FederationError):  # noqa: N818
    """A brake held a plan that removes too much; forcing it is the user's decision."""


class LeaseLost(FederationError):  # noqa: N818
    """Another instance holds the unit now, or our time is over."""
