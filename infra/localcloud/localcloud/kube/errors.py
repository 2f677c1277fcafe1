"""
Refusals as the Kubernetes API speaks them: an HTTP status with a ``Status`` object.

Raised everywhere in this package, turned into a response in `server`. Codes, reasons and texts
follow k8s.io/apimachinery ``pkg/api/errors`` and the field errors of ``pkg/util/validation``.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One reason why an object is refused: a field path, a machine word, a human sentence."""

    field: str
    reason: str
    message: str

    def json(self) -> dict[str, str]:
        """Give the ``StatusCause``."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


Causes = Iterator[Cause]  # what a validation yields


class ApiError(Exception):
    """A refusal on its way to the client."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = REASONS.get(code, "") if reason is None else reason
        self.details = details

    def status(self) -> dict[str, Any]:
        """Give the ``Status`` object of this refusal."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details:
            body["details"] = dict(self.details)
        return {**body, "code": self.code}


def qualified(plural: str, group: str) -> str:
    """Give a resource or kind with its group, as messages name it: ``ingresses.networking...``."""
    return f"{plural}.{group}" if group else plural


def _details(plural: str, group: str, name: str) -> dict[str, Any]:
    pairs = {"name": name, "group": group, "kind": plural}
    return {key: value for key, value in pairs.items() if value}


def not_found(plural: str, group: str, name: str) -> ApiError:
    """Give the 404 for an object that does not exist."""
    message = f'{qualified(plural, group)} "{name}" not found'
    return ApiError(404, message, details=_details(plural, group, name))


def already_exists(plural: str, group: str, name: str) -> ApiError:
    """Give the 409 for a create of what is there already."""
    message = f'{qualified(plural, group)} "{name}" already exists'
    return ApiError(409, message, reason="AlreadyExists", details=_details(plural, group, name))


def conflict(plural: str, group: str, name: str, why: str = "") -> ApiError:
    """Give the 409 for a precondition that does not hold; by default a stale resourceVersion."""
    why = why or (
        "the object has been modified; please apply your changes to the latest version and try "
        "again"
    )
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return ApiError(409, message, details=_details(plural, group, name))


def forbidden(
    plural: str, group: str, name: str, why: str, causes: Iterable[Cause] = ()
) -> ApiError:
    """Give the 403 for *why*."""
    details = _details(plural, group, name)
    listed = [cause.json() for cause in causes]
    if listed:
        details["causes"] = listed
    message = f'{qualified(plural, group)} "{name}" is forbidden: {why}'
    return ApiError(403, message, details=details)


def invalid(kind: str, group: str, name: str, causes: Iterable[Cause]) -> ApiError:
    """Give the 422 that lists every cause."""
    listed = list(causes)
    sentences = [f"{cause.field}: {cause.message}" for cause in listed]
    text = sentences[0] if len(sentences) == 1 else f"[{', '.join(sentences)}]"
    message = f'{qualified(kind, group)} "{name}" is invalid: {text}'
    details = {**_details(kind, group, name), "causes": [cause.json() for cause in listed]}
    return ApiError(422, message, details=details)


def bad_request(message: str) -> ApiError:
    """Give the 400 for a request that cannot be understood."""
    return ApiError(400, message)


def expired(message: str) -> ApiError:
    """Give the 410 for a resourceVersion or continue token that is too old."""
    return ApiError(410, message)


def no_such_path() -> ApiError:
    """Give the 404 for a path that no resource is served at."""
    return ApiError(404, "the server could not find the requested resource", details={})


def value_invalid(field: str, value: Any, why: str) -> Cause:
    """Give the cause for a value that breaks a rule."""
    shown = json.dumps(value, ensure_ascii=False)
    return Cause(field=field, reason="FieldValueInvalid", message=f"Invalid value: {shown}: {why}")


def value_required(field: str, why: str = "") -> Cause:
    """Give the cause for a value that is missing."""
    message = f"Required value: {why}" if why else "Required value"
    return Cause(field=field, reason="FieldValueRequired", message=message)


def value_duplicate(field: str, value: Any) -> Cause:
    """Give the cause for a value that stands twice."""
    shown = json.dumps(value, ensure_ascii=False)
    return Cause(field=field, reason="FieldValueDuplicate", message=f"Duplicate value: {shown}")


def value_forbidden(field: str, why: str) -> Cause:
    """Give the cause for a value that may not be set here."""
    return Cause(field=field, reason="FieldValueForbidden", message=f"Forbidden: {why}")


def value_unsupported(field: str, value: Any, supported: Iterable[str]) -> Cause:
    """Give the cause for a word outside the list of allowed words."""
    words = ", ".join(json.dumps(word) for word in sorted(supported))
    shown = json.dumps(value, ensure_ascii=False)
    message = f"Unsupported value: {shown}: supported values: {words}"
    return Cause(field=field, reason="FieldValueNotSupported", message=message)


def too_long(field: str, limit: int) -> Cause:
    """Give the cause for a value beyond *limit* bytes."""
    message = f"Too long: may not be more than {limit} bytes"
    return Cause(field=field, reason="FieldValueTooLong", message=message)
