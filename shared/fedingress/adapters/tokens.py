"""
The identity tokens of those who call an HTTP door: Pub/Sub, Cloud Scheduler, a person.

Google signs them; the keys are fetched when the first token comes, kept for an hour, and fetched
again when a token names another one. google-auth is loaded then, not with the door.

Source: Pub/Sub, "Authentication for push subscriptions" (claims); OpenID Connect Core 1.0, §3.1.3.7
(validation); Cloud Run, "Authenticating service-to-service" (the signature is taken off a token
that Cloud Run has checked).
"""

# ruff: noqa: PLC0415  see above

import base64
import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from fedingress.adapters.fetching import fetch
from fedingress.domain.errors import Unavailable, Untrusted

GOOGLE: Final = "https://www.googleapis.com/oauth2/v1/certs"
ISSUERS: Final = frozenset({"https://accounts.google.com", "accounts.google.com"})
_KEPT_SECONDS: Final = 3600.0
_AGAIN_SECONDS: Final = 30.0
"""Between two fetches because of unknown keys, so that nobody makes us fetch at will."""
_SKEW_SECONDS: Final = 30
_LONGEST: Final = 8192
Fetch = Callable[[str], bytes]


class Tokens:
    """
    Checks bearer tokens; safe to call from many threads.

    url: of the issuer's certificates, a JSON object from key id to PEM.
    """

    def __init__(
        self,
        url: str = GOOGLE,
        *,
        get: Fetch = fetch,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._get = get
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._certs: Mapping[str, str] = {}
        self._fetched = float("-inf")

    def verified(self, token: str, audiences: Collection[str]) -> Mapping[str, Any]:
        """
        The claims of *token*, whose signature, time, issuer and audience are right.

        Raises:
            Untrusted: They are not.
            Unavailable: The issuer's keys cannot be fetched.
        """
        from google.auth import exceptions, jwt

        header = _part(token, 0)
        certs = self._keys(str(header.get("kid", "")))
        try:
            claims: Mapping[str, Any] = jwt.decode(  # type: ignore[no-untyped-call]
                token,
                certs=certs,
                audience=list(audiences),
                clock_skew_in_seconds=_SKEW_SECONDS,
            )
        except (ValueError, TypeError, exceptions.GoogleAuthError) as error:
            raise Untrusted("bad-token", f"the token is refused: {_short(error)}") from error
        if str(claims.get("iss")) not in ISSUERS:
            raise Untrusted("bad-token", "the token is of another issuer")
        return claims

    def _keys(self, kid: str) -> Mapping[str, str]:
        """The certificates, fetched again when they are old or *kid* is not among them."""
        with self._lock:
            age = self._monotonic() - self._fetched
            known = kid in self._certs
            if age > _KEPT_SECONDS or (not known and age > _AGAIN_SECONDS):
                self._certs = self._read()
                self._fetched = self._monotonic()
            return self._certs

    def _read(self) -> Mapping[str, str]:
        try:
            found = json.loads(self._get(self._url))
        except (ValueError, RecursionError) as error:
            raise Unavailable(f"{self._url} serves no JSON") from error
        if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
            raise Unavailable(f"{self._url} serves no certificates by key id")
        return found


def claimed(token: str, audiences: Collection[str]) -> Mapping[str, Any]:
    """
    The claims of a token that the platform has verified, and taken the signature off.

    Raises:
        Untrusted: It is no token, or for another audience than those given, if any are.
    """
    claims = _part(token, 1)
    if audiences and str(claims.get("aud")) not in audiences:
        raise Untrusted("bad-token", "the token is for another audience")
    return claims


def bearer(header: str) -> str:
    """
    The token in an `Authorization` header.

    Raises:
        Untrusted: There is none.
    """
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token) <= _LONGEST:
        raise Untrusted("no-token", "the call carries no bearer token")
    return token


def require_caller(claims: Mapping[str, Any], callers: Collection[str]) -> None:
    """
    Return if *claims* are of one of *callers*, by verified e-mail address.

    Raises:
        Untrusted: They are of somebody else.
    """
    email = str(claims.get("email"))
    if claims.get("email_verified") is not True or email not in callers:
        raise Untrusted("wrong-caller", f"{_short(email)} may not call this door")


def _part(token: str, number: int) -> Mapping[str, Any]:
    """One of the JSON objects in a token, unverified."""
    try:
        text = token.split(".")[number]
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, IndexError, RecursionError) as error:
        raise Untrusted("bad-token", "the bearer token is no JWT") from error
    if not isinstance(found, dict):
        raise Untrusted("bad-token", "the bearer token is no JWT")
    return found


def _short(what: object) -> str:
    return str(what)[:128]
