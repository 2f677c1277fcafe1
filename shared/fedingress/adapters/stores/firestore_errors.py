"""
Firestore's errors in our words; no exception of its client leaves this package.

    ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED, NOT_FOUND   Conflict, of a conditional write
    DEADLINE_EXCEEDED, UNAVAILABLE, RESOURCE_EXHAUSTED,
    ABORTED, INTERNAL, UNKNOWN, CANCELLED                     Unavailable
    NOT_FOUND otherwise (the database)                        Unavailable: it may be in the making
    PERMISSION_DENIED, UNAUTHENTICATED, no credentials        Forbidden
    everything else                                           Invalid, in Firestore's words

Source: google.rpc.Code and the Firestore documentation, "Error codes".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fedingress.domain.errors import Conflict, FederationError, Forbidden, Invalid, Unavailable

# ruff: noqa: PLC0415  the SDK is loaded at the first call

_LONGEST: Final = 256
_BUSY_SECONDS: Final = 1.0
_ABSENT_SECONDS: Final = 30.0


@contextmanager
def firestore_errors(what: str, *, conditional: bool = False) -> Iterator[None]:
    """
    Raise port errors for everything that the client raises within.

    Args:
        what: What is being asked for, at the beginning of the sentence.
        conditional: A write with a precondition, whose failure is a `Conflict`.
    """
    try:
        yield
    except FederationError:
        raise
    except Exception as error:
        text = f"Firestore, {what}: {' '.join(str(error).split())[:_LONGEST]}"
        found = _from_auth(text, error) or _from_call(text, error, conditional=conditional)
        if found is None:
            raise
        raise found from error


def _from_auth(text: str, error: Exception) -> FederationError | None:
    from google.auth import exceptions

    if not isinstance(error, exceptions.GoogleAuthError):
        return None
    if isinstance(error, exceptions.TransportError) or error.retryable:
        return Unavailable(text)
    return Forbidden(text)


def _from_call(text: str, error: Exception, *, conditional: bool) -> FederationError | None:
    from google.api_core import exceptions as said

    refused = (said.Conflict, said.FailedPrecondition, said.NotFound)  # Conflict: 409, both of them
    busy = (said.ServerError, said.TooManyRequests, said.Aborted, said.Cancelled, said.RetryError)
    if conditional and isinstance(error, refused):
        return Conflict(text)
    if isinstance(error, busy):
        return Unavailable(text, after_seconds=_BUSY_SECONDS)
    if isinstance(error, said.NotFound):
        return Unavailable(text, after_seconds=_ABSENT_SECONDS)
    if isinstance(error, (said.Forbidden, said.Unauthorized)):
        return Forbidden(text)
    return Invalid(text) if isinstance(error, said.GoogleAPICallError) else None
