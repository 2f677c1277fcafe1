"""
Google's errors in our words; no exception of a Google client leaves this package.

Called around every request by `compute` and `record_sets`.

    400 resourceNotReady                     NotReady: the order of things is not there yet
    400 resourceInUse...                     InUse: it passes, unless somebody else holds it
    400 incompatible balancing_mode          InUse: another backend service has the instance group
    400 otherwise, 404                       Invalid, in the cloud's words
    401, 403                                 Forbidden: what to grant, or which quota to raise
    403 rateLimitExceeded, 429, 408, 5xx     Unavailable
    409, 412                                 Conflict
    no answer                                Unavailable

Source: Compute Engine and Cloud DNS documentation, "Handling API errors"; the `reason` words stand
in `error.errors[].reason`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain.errors import (
    Conflict,
    FederationError,
    Forbidden,
    InUse,
    Invalid,
    NotReady,
    QuotaExceeded,
    Unavailable,
)

_LONGEST: Final = 256
_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*")
"""Should an API ever repeat what it refuses."""
_BUSY_SECONDS: Final = 5.0
_SERVER_ERROR: Final = 500
_BUSY_STATUSES: Final = frozenset({408, 429})
_BUSY_WORDS: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
_UNKNOWN_CALLER: Final = 401
_REFUSED: Final = frozenset({_UNKNOWN_CALLER, 403})
_OTHER_MODE: Final = "incompatible balancing_mode"
_QUOTA: Final = re.compile(r"[Qq]uota '?\w*'? ?exceeded")
RAISE_QUOTA: Final = "raise this quota, or delete what is no longer needed"
_ROLE: Final = "roles/compute.loadBalancerAdmin"
_ROLES: Final = {
    "firewalls": "roles/compute.securityAdmin",
    "ecurityPolic": "roles/compute.securityAdmin",
    "dns.": "roles/dns.admin",
}
"""By words of what is asked for, or of the permission that is missing."""
_PAUSES: Final = {
    "resourceNotReady": 1.0,
    "resourceInUse": 2.0,
    "resourceInUseWithOtherMode": 2.0,
    "resourceInUseByAnotherResource": 2.0,
}
"""Reasons that pass by themselves, and after how many seconds to look again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error answer: HTTP status, Google's reason word, and its sentence."""

    status: int
    reason: str
    message: str
    retry_after_seconds: float | None = None


class Missing(Invalid):
    """A 404, for callers to whom an absent thing is news and not a fault."""


_ERRORS: Final[Mapping[int, Callable[[str], FederationError]]] = {
    404: Missing,
    409: Conflict,
    412: Conflict,  # GCE also answers so where the right to read is missing
}


def refusal(status: int, body: bytes | str, retry_after: str | None = None) -> Refusal:
    """Read an error answer; a body that is no JSON of Google's is its own message."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    reason, message = "", text
    try:
        error = json.loads(text)["error"]
        message = error.get("message") or text
        reason = next((each.get("reason", "") for each in error.get("errors") or ()), "")
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    if _OTHER_MODE in message:  # GCE calls it just invalid; paths of groups and services come first
        reason = "resourceInUseWithOtherMode"
        message = f"{_OTHER_MODE} of its instance groups elsewhere: {message}"
    seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
    message = _KEY.sub("(a private key)", " ".join(message.split()))[:_LONGEST]
    return Refusal(status=status, reason=reason, message=message, retry_after_seconds=seconds)


def translate(what: str, said: Refusal) -> FederationError:
    """The port error for an error answer to *what*."""
    text = f"{what}: {said.message or said.status}"
    busy = said.reason in _BUSY_WORDS or said.status in _BUSY_STATUSES
    if busy or said.status >= _SERVER_ERROR:
        return Unavailable(text, after_seconds=said.retry_after_seconds or _BUSY_SECONDS)
    if said.reason in _PAUSES:
        kind = InUse if said.reason.startswith("resourceInUse") else NotReady
        return kind(text, after_seconds=_PAUSES[said.reason])
    if said.status in _REFUSED:
        return _refused(text, said)
    return _ERRORS.get(said.status, Invalid)(text)


def _refused(text: str, said: Refusal) -> FederationError:
    """With what somebody can do about it, because nobody else will."""
    if said.reason == "quotaExceeded" or _QUOTA.search(said.message):
        return QuotaExceeded(f"{text}; {RAISE_QUOTA}")
    if said.status == _UNKNOWN_CALLER:
        return Forbidden(f"{text}; give the functions an identity that Google accepts")
    role = next((role for word, role in _ROLES.items() if word in text), _ROLE)
    return Forbidden(f"{text}; grant {role}, or this permission, to the functions' identity")


@contextmanager
def google_errors(what: str) -> Iterator[None]:
    """
    Raise port errors for everything that a Google client raises within.

    Args:
        what: What is being asked for, at the beginning of the sentence.
    """
    try:
        yield
    except FederationError:
        raise
    except Exception as error:
        for read in (_from_api_core, _from_api_client, _from_auth, _from_transport):
            found = read(what, error)
            if found is not None:
                raise found from error
        raise


def _from_api_core(what: str, error: Exception) -> FederationError | None:
    from google.api_core import exceptions  # noqa: PLC0415  loaded already when it matters

    if not isinstance(error, exceptions.GoogleAPICallError):
        return None
    response = error.response
    if response is None:
        return Unavailable(f"{what}: {error}")
    return translate(what, _read(response.status_code, response.content, response.headers.get))


def _from_api_client(what: str, error: Exception) -> FederationError | None:
    response = getattr(error, "resp", None)
    if response is None or not hasattr(error, "content"):
        return None
    return translate(what, _read(int(response.status), error.content, response.get))


def _read(status: int, body: bytes, header: Callable[[str], Any]) -> Refusal:
    return refusal(status, body, header("Retry-After") or header("retry-after"))


def _from_auth(what: str, error: Exception) -> FederationError | None:
    from google.auth import exceptions  # noqa: PLC0415

    if not isinstance(error, exceptions.GoogleAuthError):
        return None
    text = " ".join(str(error).split())[:_LONGEST]
    if isinstance(error, exceptions.TransportError) or error.retryable:
        return Unavailable(f"{what}: {text}")
    return Forbidden(f"{what}: {text}")


def _from_transport(what: str, error: Exception) -> FederationError | None:
    """Connections refused, lost or timed out: `requests` and `httplib2` raise OSErrors, mostly."""
    module = type(error).__module__.partition(".")[0]
    if isinstance(error, OSError) or module in {"httplib2", "http", "urllib3"}:
        return Unavailable(f"{what}: no answer ({type(error).__name__})")
    return None
