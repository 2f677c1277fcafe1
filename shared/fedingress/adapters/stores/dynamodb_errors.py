"""
DynamoDB's errors in our words; no exception of botocore leaves this package.

    ConditionalCheckFailed                        noted for the caller, with the version found
    TransactionConflict                           Conflict
    throttling, 5xx, timeouts, no connection      Unavailable
    ResourceNotFound (the table)                  Unavailable: it may be in the making
    access denied, bad or expired credentials     Forbidden
    everything else                               Invalid, in DynamoDB's words

Source: Amazon DynamoDB Developer Guide, "Error handling with DynamoDB", and the API's "Common
errors".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain.errors import Conflict, FederationError, Forbidden, Invalid, Unavailable

# ruff: noqa: PLC0415  the SDK is loaded at the first call

_LONGEST: Final = 256
_BUSY_SECONDS: Final = 1.0
_ABSENT_SECONDS: Final = 30.0
_SERVER_ERROR: Final = 500
_CONDITION: Final = "ConditionalCheckFailedException"
_CONFLICTS: Final = frozenset({"TransactionConflictException", "ReplicatedWriteConflictException"})
_BUSY: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
    }
)
_ABSENT: Final = frozenset({"ResourceNotFoundException"})
_FORBIDDEN: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


@dataclass(slots=True, kw_only=True)
class Refused:
    """Whether the condition of a write failed; *version*: of the item that was there."""

    condition: bool = False
    version: str = ""


@contextmanager
def dynamodb_errors(what: str) -> Iterator[Refused]:
    """
    Raise port errors for everything that boto3 raises within; note a failed condition.

    Args:
        what: What is being asked for, at the beginning of the sentence.
    """
    refused = Refused()
    try:
        yield refused
    except FederationError:
        raise
    except Exception as error:
        text = f"DynamoDB, {what}: {' '.join(str(error).split())[:_LONGEST]}"
        answer: dict[str, Any] = getattr(error, "response", None) or {}
        if answer.get("Error", {}).get("Code") == _CONDITION:
            refused.condition = True
            refused.version = answer.get("Item", {}).get("version", {}).get("S", "")
            return
        found = _from_answer(text, answer) if answer else _from_client(text, error)
        if found is None:
            raise
        raise found from error


def _from_answer(text: str, answer: dict[str, Any]) -> FederationError:
    code = answer.get("Error", {}).get("Code", "")
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _CONFLICTS:
        return Conflict(text)
    if code in _ABSENT:
        return Unavailable(text, after_seconds=_ABSENT_SECONDS)
    if code in _BUSY or status >= _SERVER_ERROR:
        return Unavailable(text, after_seconds=_BUSY_SECONDS)
    return Forbidden(text) if code in _FORBIDDEN else Invalid(text)


def _from_client(text: str, error: Exception) -> FederationError | None:
    """What botocore says without an answer of DynamoDB."""
    from botocore import exceptions as said

    match error:
        case said.NoCredentialsError() | said.PartialCredentialsError() | said.SSOError():
            return Forbidden(text)
        case said.CredentialRetrievalError() | said.HTTPClientError() | said.ConnectionError():
            return Unavailable(text, after_seconds=_BUSY_SECONDS)
        case said.BotoCoreError() | ValueError():
            return Invalid(text)
        case _:
            return None
