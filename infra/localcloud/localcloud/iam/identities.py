"""
The access keys that exist, whose they are, and who may take on which role.

`sts` issues and checks them over the wire; the API servers of EKS clusters ask here who has signed
a token.

Source: IAM User Guide, "IAM identifiers", "Signature Version 4 for API requests" (five minutes of
skew), "Revoke IAM role temporary security credentials" (sessions from before are denied by policy);
STS API reference, AssumeRole.

Not modelled: users, policies, sessions with narrowed rights: a role says who may take it on.
"""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from localcloud.iam.errors import StsError
from localcloud.iam.signing import Claim, Request, claim, incomplete, signature

ACCOUNT = "000000000000"
SKEW_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """
    An access key.

    *made*: Unix seconds.   *ends*: likewise, for those that come with a session token.
    """

    key_id: str
    secret: str = field(repr=False)
    arn: str
    session_token: str = field(default="", repr=False)
    made: float = 0.0
    ends: float = 0.0

    @property
    def account(self) -> str:
        """Give the account that it is of."""
        return self.arn.split(":")[4] or ACCOUNT


def role_arn(name: str, account: str = ACCOUNT) -> str:
    """Give the ARN of the role *name*."""
    return f"arn:aws:iam::{account}:role/{name}"


class Identities:
    """
    Every key and every role.

    Attributes:
        trust: ARN of a role to the ARNs of the roles that may take it on.
        web_trust: ARN of a role to the subjects of OpenID Connect that may.
        external_ids: ARN of a role to the external id that its trust policy asks for.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.trust: dict[str, frozenset[str]] = {}
        self.web_trust: dict[str, frozenset[str]] = {}
        self.external_ids: dict[str, str] = {}
        self._revoked: dict[str, float] = {}
        self._keys: dict[str, Key] = {}

    def key(self, arn: str, *, lifetime_seconds: float = 0.0) -> Key:
        """Give a new key of *arn*; with a lifetime it comes with a session token, and ends."""
        temporary = lifetime_seconds > 0
        made = Key(
            key_id=("ASIA" if temporary else "AKIA") + secrets.token_hex(8).upper(),
            secret=secrets.token_urlsafe(30),
            arn=arn,
            session_token=secrets.token_urlsafe(60) if temporary else "",
            made=self.now(),
            ends=self.now() + lifetime_seconds if temporary else 0.0,
        )
        self._keys[made.key_id] = made
        return made

    def forget(self, key_id: str) -> None:
        """Let the key be known no more."""
        self._keys.pop(key_id, None)

    def revoke(self, arn: str) -> None:
        """Deny everything to the sessions of a role that there are; later ones are good."""
        self._revoked[arn] = self.now()

    def account(self, key_id: str, session_token: str) -> str:
        """
        Give the account of a key; a permanent one that nobody made is of `ACCOUNT`.

        Raises:
            StsError: The session ended, was revoked, or there is none with this token.
        """
        key = self._keys.get(key_id)
        if key is None and not session_token:
            return ACCOUNT
        if key is None or not hmac.compare_digest(
            key.session_token.encode(), session_token.encode()
        ):
            message = "The security token included in the request is invalid."
            raise StsError(403, "InvalidClientTokenId", message)
        if key.ends and key.ends < self.now():
            message = "The security token included in the request is expired"
            raise StsError(403, "ExpiredToken", message)
        if key.ends and key.made <= self._revoked.get(key.arn, float("-inf")):
            sentence = "is not authorized to perform this operation with an explicit deny"
            message = f"User: {key.arn} {sentence} in an identity-based policy"
            raise StsError(403, "AccessDenied", message)
        return key.account

    def who(self, request: Request, *, service: str = "sts") -> Key:
        """
        Give the key that signed *request*.

        Raises:
            StsError: Not signed, by nobody known, too early or late, or not as it stands.
        """
        told = claim(request)
        if told is None:
            raise StsError(403, "MissingAuthenticationToken", "Request is missing Authentication")
        if told.service != service:
            raise incomplete(f"Credential should be scoped to correct service: '{service}'.")
        key = self._keys.get(told.key_id)
        if key is None or not hmac.compare_digest(
            key.session_token.encode(), told.session_token.encode()
        ):
            message = "The security token included in the request is invalid."
            raise StsError(403, "InvalidClientTokenId", message)
        self._check_time(told, key)
        expected = signature(request, told, key.secret)
        if not hmac.compare_digest(expected, told.signature):
            message = (
                "The request signature we calculated does not match the signature you provided."
            )
            raise StsError(403, "SignatureDoesNotMatch", message)
        return key

    def _check_time(self, told: Claim, key: Key) -> None:
        now, at = self.now(), told.signed_at
        if not told.timestamp.startswith(told.day):
            raise incomplete("Date in Credential scope does not match YYYYMMDD from ISO-8601")
        late = at + told.lifetime_seconds < now
        if late or at - SKEW_SECONDS > now:
            message = f"Signature {'expired' if late else 'not yet current'}: {told.timestamp}"
            raise StsError(403, "SignatureDoesNotMatch", message)
        if key.ends and key.ends < now:
            message = "The security token included in the request is expired"
            raise StsError(403, "ExpiredTokenException", message)
