"""
Amazon's errors in our words; no exception of botocore leaves this package.

Called around every request of this package.

    InvalidChangeBatch that speaks of what stands   Conflict: observe again
    InvalidChangeBatch otherwise, NoSuch..., 400     Invalid, in Amazon's words, each reason apart
    AccessDenied, no credentials                     Forbidden
    throttling, PriorRequestNotComplete, 5xx         Unavailable
    no answer                                        Unavailable

Source: STS API reference, AssumeRole, AssumeRoleWithWebIdentity; Route 53 API reference, "Common
errors" and ChangeResourceRecordSets; the texts of reasons
from issue threads of external-dns and Terraform's AWS provider.
"""

# ruff: noqa: PLC0415  botocore is imported where it is first needed, never with this module

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from fedingress.domain.errors import (
    Conflict,
    FederationError,
    Forbidden,
    Invalid,
    QuotaExceeded,
    Unavailable,
)

_LONGEST: Final = 512
_BUSY_SECONDS: Final = 2.0
_SERVER_ERROR: Final = 500
_BUSY: Final = frozenset(
    {
        "IDPCommunicationError",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_REFUSED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IDPRejectedClaim",
        "InvalidClientTokenId",
        "InvalidIdentityToken",
        "NotAuthorized",
        "OptInRequired",
        "RegionDisabledException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_CHANGED: Final = frozenset(
    {"HealthCheckAlreadyExists", "HealthCheckVersionMismatch", "HealthCheckInUse"}
)
_QUOTA: Final = frozenset({"TooManyHealthChecks", "LimitExceededException"})
_KINDS: Final[tuple[tuple[frozenset[str], type[FederationError]], ...]] = (
    (_REFUSED, Forbidden),
    (_QUOTA, QuotaExceeded),
    (_CHANGED, Conflict),
)
_STALE: Final = re.compile(
    r"but it was not found|but it already exists"
    r"|but the values provided do not match the current values"
)
"""What stands is not what was observed: that is nobody's fault."""
_NEXT: Final = re.compile(
    r", (?=RRSet |Tried to |Invalid |FATAL |Number of |A HostedZone |GeoLocation must"
    r"|GeoLocation may|Failover alias |Multivalue answer |A non-alias |Duplicate )"
)


def busy(error: FederationError) -> bool:
    """Whether the same request may go through in a moment, and was not carried out."""
    return isinstance(error, Busy)


class Busy(Unavailable):
    """Throttled: nothing was done."""


@contextmanager
def aws_errors(where: str) -> Iterator[None]:
    """
    Raise our errors for everything that botocore raises within.

    Args:
        where: What was spoken to, for the sentence.
    """
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _translated(where, error.response) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise Forbidden(f"{where}: {error}") from error
    except exceptions.ParamValidationError as error:
        raise Invalid(f"{where}: {_short(str(error))}") from error
    except (exceptions.BotoCoreError, exceptions.HTTPClientError) as error:
        raise Unavailable(f"{where}: {_short(str(error))}") from error


def reasons_of(text: str) -> tuple[str, ...]:
    """The reasons in the message of an InvalidChangeBatch, one each."""
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1]
    return tuple(each.strip() for each in _NEXT.split(bare) if each.strip()) or (text,)


def _translated(where: str, response: dict[str, Any]) -> FederationError:
    said = response.get("Error", {})
    code, text = str(said.get("Code", "")), str(said.get("Message", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    why = f"{where}: {code}: {_short(text)}"
    if code in _BUSY:
        return Busy(why, after_seconds=_BUSY_SECONDS)
    for codes, kind in _KINDS:
        if code in codes:
            return kind(why)
    if status >= _SERVER_ERROR:
        return Unavailable(why)
    reasons = reasons_of(text) if code == "InvalidChangeBatch" else (f"{code}: {_short(text)}",)
    if code == "InvalidChangeBatch" and all(map(_STALE.search, reasons)):
        return Conflict(why)
    return Invalid(tuple(_short(each) for each in reasons))


def _short(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
