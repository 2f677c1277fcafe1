"""
Who we are to Google: tokens for GKE and Secret Manager, and a proof of identity for AWS.

`credentials` uses it. Google's default credentials count: the service account of a function, of a
machine, or of a file. On AWS they come from a federation: google-auth signs a request of AWS's with
the role that we run as, and Google exchanges it. No key of a service account is needed anywhere.

Source: Google Cloud documentation, "Authenticating to the Kubernetes API server", "Configure
Workload Identity Federation with AWS", "Access a secret version" (REST), "Get an ID token".
"""

# ruff: noqa: PLC0415  the SDK is imported where it is first needed, never with this module

import base64
import datetime as dt
import functools
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from fedingress.adapters.kube.errors import excerpt
from fedingress.adapters.kube.renewing import Renewing, Token
from fedingress.domain.errors import Forbidden, Invalid, Unavailable, Unsupported

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_SECRETS: Final = "https://secretmanager.googleapis.com"
_TIMEOUT_SECONDS: Final = 5.0
_OK, _MANY, _SERVER = 200, 429, 500


class GoogleIdentity:
    """
    One per process: its token serves all clusters, and lives for about an hour.

    header: the port `Credentials` of connections to GKE.
    """

    def __init__(self, configuration: str = "", *, secrets_endpoint: str = "") -> None:
        """
        Nothing is contacted yet.

        Args:
            configuration: JSON of a credential configuration for workload identity federation; it
                holds no secret. Empty: Google's default credentials.
            secrets_endpoint: Of Secret Manager, other than Google's own.

        Raises:
            Invalid: *configuration* is something else.
        """
        self._configuration = _federation(configuration)
        self._endpoint = secrets_endpoint or _SECRETS
        self._found: Any = None
        self.header = Renewing(self._token)

    def load(self) -> Any:
        """
        Credentials of google-auth, for Google's own clients; they renew themselves.

        Raises:
            Forbidden: There are none.
            Unavailable: The metadata server does not answer.
            Unsupported: google-auth is not installed here.
        """
        with _told("access"):
            return self._load()

    def secret(self, name: str) -> str:
        """
        The text of a secret's version, `projects/P/secrets/S/versions/V`.

        Raises:
            Forbidden: It is not there for us, or no text.
            Unavailable: Secret Manager does not answer.
        """
        url = f"{self._endpoint}/v1/{name}:access"
        status, body = _get(url, {"Authorization": self.header()}, "Secret Manager")
        if status == _MANY or status >= _SERVER:
            raise Unavailable(f"Secret Manager answers {status} for {name}")
        if status != _OK:
            raise Forbidden(
                f"{name} cannot be read (Secret Manager answers {status}); grant "
                "roles/secretmanager.secretAccessor on it"
            )
        try:
            data = base64.b64decode(json.loads(body)["payload"]["data"], validate=True)
            return data.decode("ascii")
        except (ValueError, KeyError, TypeError):
            # no chain: the error of a decoder repeats what it could not decode
            raise Forbidden(f"{name} holds no token") from None

    def proof(self, audience: str) -> str:
        """
        An OpenID Connect token for *audience* that says who we are.

        Raises:
            Forbidden: We have no identity that gives one.
            Unavailable: The metadata server does not answer.
            Unsupported: google-auth is not installed here.
        """
        with _told("identity"):
            from google.oauth2 import id_token

            fetch: Any = id_token.fetch_id_token
            return str(fetch(_request(), audience))

    def _token(self) -> Token:
        with _told("access"):
            if self._found is None:
                self._found = self._load()
            self._found.refresh(_request())
        return Token(text=str(self._found.token), ends=_ends(self._found.expiry))

    def _load(self) -> Any:
        if self._configuration is None:
            import google.auth

            return google.auth.default(scopes=[_SCOPE])[0]
        from google.auth import aws

        load: Any = aws.Credentials.from_info
        return load(dict(self._configuration), scopes=[_SCOPE])


def _federation(text: str) -> Mapping[str, Any] | None:
    """
    The configuration in *text*, None without one.

    Raises:
        Invalid: It is no configuration of a federation with AWS. Keys of service accounts are
            refused, for a setting is no place for a secret, and so are programs to run.
    """
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    source = found.get("credential_source") if isinstance(found, dict) else None
    known = isinstance(source, dict) and str(source.get("environment_id")).startswith("aws")
    if not isinstance(found, dict) or found.get("type") != "external_account" or not known:
        raise Invalid(
            "FEDINGRESS_GOOGLE_CREDENTIALS is no JSON of type external_account for AWS; make it "
            "with `gcloud iam workload-identity-pools create-cred-config --aws`"
        )
    return found


def _ends(expiry: dt.datetime | None) -> float:
    """Google's expiry is in UTC and says so nowhere."""
    return math.inf if expiry is None else expiry.replace(tzinfo=dt.UTC).timestamp()


@contextmanager
def _told(kind: str) -> Iterator[None]:
    """Turn errors of google-auth into ours."""
    try:
        from google.auth import exceptions
    except ImportError as error:
        raise Unsupported(
            "this function carries no google-auth; install federated-ingress[gke]"
        ) from error
    try:
        yield
    except exceptions.TransportError as error:
        raise Unavailable(f"no Google {kind} token came: {excerpt(str(error))}") from error
    except exceptions.GoogleAuthError as error:
        raise Forbidden(f"no Google credentials: {excerpt(str(error))}") from error


@functools.cache
def _pool() -> Any:
    import urllib3

    return urllib3.PoolManager()


def _request() -> Any:
    import google.auth.transport.urllib3

    request: Any = google.auth.transport.urllib3.Request
    return functools.partial(request(_pool()), timeout=_TIMEOUT_SECONDS)


def _get(url: str, headers: Mapping[str, str], who: str) -> tuple[int, bytes]:
    """
    Status and body.

    Raises:
        Unavailable: *who* does not answer.
    """
    from urllib3.exceptions import HTTPError

    try:
        answer = _pool().request(
            "GET",
            url,
            headers=dict(headers),
            timeout=_TIMEOUT_SECONDS,
            redirect=False,
            retries=False,
        )
    except HTTPError as error:
        raise Unavailable(f"{who} cannot be reached: {excerpt(str(error))}") from error
    return answer.status, answer.data
