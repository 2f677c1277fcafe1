"""
Signature Version 4 from the side that checks: in headers, and in the query of a presigned request.

Pure; `identities` knows the keys.

Source: IAM User Guide, "Create a signed AWS API request", "Elements of an AWS API request
signature". Not modelled: chunked payloads, asymmetric signatures.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from localcloud.iam.errors import StsError

ALGORITHM = "AWS4-HMAC-SHA256"
HEADER_SECONDS = 300.0
PRESIGNED_SECONDS = 900.0
"""How long STS takes a presigned request, whatever that says of its own end."""
_HEADER = re.compile(
    rf"{ALGORITHM} Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_SAFE = "-_.~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    What was signed.

    Attributes:
        method: HTTP's.
        path: As on the wire.
        query: Decoded pairs, in any order.
        headers: Names in lower case.
        body: As on the wire.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a request says of its signature."""

    key_id: str
    day: str
    region: str
    service: str
    timestamp: str
    lifetime_seconds: float
    signed_headers: tuple[str, ...]
    signature: str
    session_token: str

    @property
    def signed_at(self) -> float:
        """Give the Unix time of the signature."""
        try:
            return datetime.strptime(f"{self.timestamp}+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
        except ValueError:
            raise incomplete("Date must be in ISO-8601 'basic format'") from None


def incomplete(message: str) -> StsError:
    """Give the refusal of a signature that cannot be read."""
    return StsError(400, "IncompleteSignature", message)


def claim(request: Request) -> Claim | None:
    """
    Read the signature of *request*; None when it has none.

    Raises:
        StsError: It has one that cannot be read.
    """
    query = dict(request.query)
    header = request.headers.get("authorization", "")
    if query.get("X-Amz-Algorithm") == ALGORITHM:
        credential, signed = query.get("X-Amz-Credential", ""), query.get("X-Amz-SignedHeaders", "")
        lifetime = query.get("X-Amz-Expires", "")
        if not lifetime.isdigit():
            raise incomplete("X-Amz-Expires should be a number")
        found = (credential, signed, query.get("X-Amz-Signature", ""))
        timestamp, token = query.get("X-Amz-Date", ""), query.get("X-Amz-Security-Token", "")
        seconds = PRESIGNED_SECONDS
    elif header:
        match = _HEADER.fullmatch(header)
        if match is None:
            raise incomplete("Authorization header cannot be read")
        found = (match["credential"], match["headers"], match["signature"])
        timestamp = request.headers.get("x-amz-date", "")
        token = request.headers.get("x-amz-security-token", "")
        seconds = HEADER_SECONDS
    else:
        return None
    scope = found[0].split("/")
    if len(scope) != 5 or scope[4] != "aws4_request":  # noqa: PLR2004 - key, day, region, service
        raise incomplete("Credential should be scoped with a valid date, region and service")
    return Claim(
        key_id=scope[0],
        day=scope[1],
        region=scope[2],
        service=scope[3],
        timestamp=timestamp,
        lifetime_seconds=seconds,
        signed_headers=tuple(found[1].split(";")),
        signature=found[2],
        session_token=token,
    )


def signature(request: Request, told: Claim, secret: str) -> str:
    """Give the signature that *request* must carry for the key with *secret*."""
    pairs = sorted(
        (_quoted(name), _quoted(value))
        for name, value in request.query
        if name != "X-Amz-Signature"
    )
    payload = hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join(
        [
            request.method,
            request.path or "/",
            "&".join(f"{name}={value}" for name, value in pairs),
            *(
                f"{name}:{' '.join(request.headers.get(name, '').split())}"
                for name in told.signed_headers
            ),
            "",
            ";".join(told.signed_headers),
            payload,
        ]
    )
    scope = f"{told.day}/{told.region}/{told.service}/aws4_request"
    text = "\n".join(
        [ALGORITHM, told.timestamp, scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{secret}".encode()
    for part in (told.day, told.region, told.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _quoted(text: str) -> str:
    return quote(text, safe=_SAFE)
