"""
Answers of an API server as the errors of our ports.

Called by `adapters.kube.connection`. Texts that a server sends are cut and escaped before they
reach a sentence of ours, for they end up in logs and conditions.

Source: Kubernetes API conventions, "Response Status Kind"; RFC 9110 for Retry-After.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from fedingress.domain.errors import Conflict, FederationError, Forbidden, Invalid, Unavailable

TEXT_LIMIT: Final = 256
_LONGEST_WAIT_SECONDS: Final = 300.0
_DENIED: Final = re.compile(
    r"(?P<policy>ValidatingAdmissionPolicy '[^']*') with binding '[^']*' denied request: "
    r"(?P<reason>.*)",
    re.DOTALL,
)

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT = 401, 403, 404, 409
_GONE, _TOO_MANY = 410, 429
_SERVER_ERRORS = 500


class MissingError(Conflict):
    """404: what was addressed is not there. A reader turns it into None, a writer may not."""

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class ExpiredError(Unavailable):
    """410: a continue token or a resourceVersion is too old; begin again."""


class ThrottledError(Unavailable):
    """The server has said when to come back."""


class NamespaceGoingError(Forbidden):
    """Nothing new may be written into a namespace that is being deleted."""


def excerpt(text: str) -> str:
    """*text* on one line, control characters escaped, at most 256 characters."""
    escaped = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
    return escaped if len(escaped) <= TEXT_LIMIT else f"{escaped[: TEXT_LIMIT - 1]}…"


def failure(
    *, where: str, verb: str, path: str, status: int, headers: Mapping[str, str], body: bytes
) -> FederationError:
    """
    The error that an answer stands for.

    Args:
        where: The cluster's name.
        verb: The RBAC verb: get, list, create, patch, delete.
        path: Of the request, without its query.
        status: HTTP, 300 or more.
        headers: Of the answer, lower case.
        body: Of the answer, a `Status` object if the API server itself has answered.
    """
    answer = _status_object(body)
    said = excerpt(str(answer.get("message") or body.decode("utf-8", "replace")).strip())
    details = answer.get("details") or {}
    error: FederationError
    if status in (_UNAUTHORIZED, _FORBIDDEN):
        error = _refused(
            where, f"{verb} on {path}", known=status == _FORBIDDEN, said=said, details=details
        )
    elif status == _NOT_FOUND:
        error = MissingError(f"{where}: {said or path}", kind=str(details.get("kind") or ""))
    elif status == _CONFLICT:
        error = Conflict(f"{where}: {said}")
    elif status == _GONE:
        error = ExpiredError(f"{where}: {said}", after_seconds=0.0)
    elif status == _TOO_MANY or status >= _SERVER_ERRORS:
        sentence, wait = f"{where} answers {status}: {said}", retry_after(headers)
        error = ThrottledError(sentence, after_seconds=wait) if wait else Unavailable(sentence)
    elif status >= 400:  # noqa: PLR2004  RFC 9110, client errors
        error = Invalid(_reasons(said, details))
    else:
        # Our client follows no redirect: a token is for the server it was given for.
        error = Unavailable(f"{where} answers {status} at {path}, which is no API server's answer")
    return error


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that `Retry-After` asks for, within reason; 0 when it does not."""
    text = headers.get("retry-after", "")
    return min(float(text), _LONGEST_WAIT_SECONDS) if text.isdecimal() else 0.0


def _status_object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _refused(
    where: str, wish: str, *, known: bool, said: str, details: Mapping[str, Any]
) -> FederationError:
    if not known:
        return Forbidden(f"{where} does not accept our credentials; grant us a valid token: {said}")
    causes = [str(cause.get("reason")) for cause in details.get("causes") or ()]
    if "NamespaceTerminating" in causes:
        return NamespaceGoingError(f"{where}: {said}")
    return Forbidden(f"{where} forbids it; grant {wish}: {said}")


def _reasons(said: str, details: Mapping[str, Any]) -> tuple[str, ...]:
    causes = [cause for cause in details.get("causes") or () if isinstance(cause, dict)]
    texts = (
        ": ".join(str(cause[key]) for key in ("field", "message") if cause.get(key))
        for cause in causes
    )
    return tuple(excerpt(_reason_first(text)) for text in texts if text) or (said,)


def _reason_first(text: str) -> str:
    """What an admission policy says, before the names of policy and binding: the end is cut."""
    found = _DENIED.fullmatch(text)
    return f"{found['reason']} ({found['policy']})" if found else text
