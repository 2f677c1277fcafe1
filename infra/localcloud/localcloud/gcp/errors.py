"""
Refusals as Google's JSON APIs speak them: an HTTP status with an ``error`` object.

Raised everywhere in this package, turned into a response in `server`. Reasons and texts follow
answers of Compute Engine and Cloud DNS as users quote them in public issue trackers.
"""

from collections.abc import Mapping
from typing import Any

_REASONS = {
    400: "badRequest",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    409: "conflict",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
    500: "internalError",
    501: "notImplemented",
    503: "backendError",
}
_USAGE_LIMITS = frozenset({"quotaExceeded", "rateLimitExceeded"})


class GoogleError(Exception):
    """A refusal on its way to the client."""

    def __init__(self, code: int, reason: str, message: str, *, header: str = "") -> None:
        """
        Refuse a request.

        Args:
            code: HTTP status.
            reason: Machine word, for instance ``notFound``.
            message: Human sentence.
            header: The request header that is to blame, if any.
        """
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.header = header

    def body(self) -> dict[str, Any]:
        """Give the JSON body of this refusal."""
        item: dict[str, Any] = {
            "message": self.message,
            "domain": "usageLimits" if self.reason in _USAGE_LIMITS else "global",
            "reason": self.reason,
        }
        if self.header:
            item |= {"location": self.header, "locationType": "header"}
        return {"error": {"code": self.code, "message": self.message, "errors": [item]}}


def injected(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    """
    Give the body of an injected error.

    The fault's header ``X-Error-Reason`` chooses a reason other than the usual one of *status*,
    for instance ``rateLimitExceeded`` with 403.
    """
    reason = headers.get("X-Error-Reason") or _REASONS.get(status, "backendError")
    return GoogleError(status, reason, f"Injected fault: {reason}").body()


def invalid(field: str, value: object, why: str) -> GoogleError:
    """Give the 400 for a value that breaks a rule."""
    return GoogleError(400, "invalid", f"Invalid value for field '{field}': '{value}'. {why}")


def required(field: str) -> GoogleError:
    """Give the 400 for a field that must be set."""
    return GoogleError(400, "required", f"Required field '{field}' not specified")


def bad_value(field: str, value: object) -> GoogleError:
    """Give the 400 for a value that breaks a rule, in Cloud DNS's words."""
    return GoogleError(400, "invalid", f"Invalid value for '{field}': '{value}'")


def missing(field: str) -> GoogleError:
    """Give the 400 for a parameter that must be set, in Cloud DNS's words."""
    message = f"The '{field}' parameter is required but was missing."
    return GoogleError(400, "required", message)


def bad_request(message: str) -> GoogleError:
    """Give the 400 for a body or query that cannot be read."""
    return GoogleError(400, "badRequest", message)


def not_found(path: str) -> GoogleError:
    """Give the 404 for a resource that does not exist."""
    return GoogleError(404, "notFound", f"The resource '{path}' was not found")


def already_exists(path: str) -> GoogleError:
    """Give the 409 for an insert under a name that is taken."""
    return GoogleError(409, "alreadyExists", f"The resource '{path}' already exists")


def not_ready(path: str) -> GoogleError:
    """Give the 400 for a resource that another operation still works on."""
    return GoogleError(400, "resourceNotReady", f"The resource '{path}' is not ready")


def in_use(kind: str, path: str, user: str) -> GoogleError:
    """Give the 400 for deleting what *user* refers to; *kind* in words with underscores."""
    message = f"The {kind} resource '{path}' is already being used by '{user}'"
    return GoogleError(400, "resourceInUseByAnotherResource", message)


def stale(message: str = "Invalid fingerprint.") -> GoogleError:
    """Give the 412 for a lost race."""
    return GoogleError(412, "conditionNotMet", message, header="If-Match")


def quota_exceeded(metric: str, limit: float) -> GoogleError:
    """Give the 403 for one resource too many."""
    message = f"Quota '{metric}' exceeded.  Limit: {float(limit)} globally."
    return GoogleError(403, "quotaExceeded", message)


def not_modelled(what: str) -> GoogleError:
    """Give the 501 for what the real service does and this stand-in does not."""
    return GoogleError(501, "notImplemented", f"The local cloud does not model {what}")
