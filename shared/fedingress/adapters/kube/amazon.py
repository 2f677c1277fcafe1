"""
Who we are to AWS: tokens for EKS clusters, and secrets of Secrets Manager.

`credentials` uses it. The credentials are those that botocore finds: a function's role, a pod's, a
machine's, or variables. On Google Cloud, where there are none, Google's word for our service
account is exchanged for a role (`AssumeRoleWithWebIdentity`). A member may name a role of its own
account to take on from there. botocore renews all of them before they end.

A token for EKS is a signed request that the cluster itself sends to STS, to hear who we are: the
name of the cluster is signed too, so no other cluster can use it.

Source: kubernetes-sigs/aws-iam-authenticator, "API Authorization from Outside a Cluster"; Amazon
EKS, "Grant IAM users access to Kubernetes with EKS access entries"; AWS STS, AssumeRole and
AssumeRoleWithWebIdentity; AWS Secrets Manager, GetSecretValue.
"""

# ruff: noqa: PLC0415  the SDK is imported where it is first needed, never with this module

import base64
import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from fedingress.adapters.kube.errors import excerpt
from fedingress.adapters.kube.renewing import Token
from fedingress.adapters.web_identity import SESSION_NAME, exchanged
from fedingress.domain.cluster import EksCluster
from fedingress.domain.errors import Forbidden, Unavailable, Unsupported

_PREFIX: Final = "k8s-aws-v1."
_PRESIGNED_SECONDS: Final = 60
_LIFE_SECONDS: Final = 14 * 60.0
"""EKS takes a token for 15 minutes from its signature, whatever the request's own expiry."""
_SERVER_ERROR: Final = 500
_TRANSIENT: Final = frozenset(
    {"InternalFailure", "InternalServiceError", "RequestTimeout", "ServiceUnavailable"}
)


class AmazonIdentity:
    """One per process; roles are taken on once and kept."""

    def __init__(self, role: str = "", *, proof: Callable[[str], str] | None = None) -> None:
        """
        Nothing is contacted yet.

        Args:
            role: ARN of the role that *proof* is exchanged for; empty: what botocore finds.
            proof: Gives an OpenID Connect token for an audience.
        """
        self._role = role
        self._proof = proof
        self._session: Any = None
        self._taken: dict[str, Any] = {}
        self._lock = threading.Lock()

    def eks_token(self, cluster: EksCluster) -> Token:
        """
        A token for *cluster*.

        Raises:
            Forbidden: There are no credentials, or the role may not be taken on.
            Unavailable: STS does not answer.
            Unsupported: botocore is not installed here.
        """
        with _told(f"EKS cluster {cluster.name}"):
            from botocore.auth import SigV4QueryAuth
            from botocore.awsrequest import AWSRequest

            keys = self._credentials(cluster.role, cluster.region)
            request = AWSRequest(
                method="GET",
                url=f"https://{_host(cluster.region)}/?Action=GetCallerIdentity&Version=2011-06-15",
                headers={"x-k8s-aws-id": cluster.name},
            )
            signing = SigV4QueryAuth(keys, "sts", cluster.region, expires=_PRESIGNED_SECONDS)
            made = time.time()
            signing.add_auth(request)
            encoded = base64.urlsafe_b64encode(request.url.encode()).decode().rstrip("=")
        return Token(text=f"{_PREFIX}{encoded}", ends=made + _LIFE_SECONDS)

    def secret(self, arn: str) -> str:
        """
        The text of the secret *arn*, in the region that stands in it.

        Raises:
            Forbidden: It is not there for us, or no text.
            Unavailable: Secrets Manager does not answer.
            Unsupported: botocore is not installed here.
        """
        with _told(arn):
            region = arn.split(":")[3]
            keys = self._credentials("", region)
            client = self._client(
                "secretsmanager",
                region_name=region,
                aws_access_key_id=keys.access_key,
                aws_secret_access_key=keys.secret_key,
                aws_session_token=keys.token,
            )
            try:
                found = client.get_secret_value(SecretId=arn)
            finally:
                client.close()
        text = found.get("SecretString")
        if not isinstance(text, str) or not text.strip():
            raise Forbidden(f"{arn} holds no token")
        return text

    def _credentials(self, role: str, region: str) -> Any:
        """The keys of *role*, or our own; botocore renews them if they end soon."""
        with self._lock:
            if "" not in self._taken:
                self._taken[""] = self._own(region)
            if role not in self._taken:
                self._taken[role] = self._assumed(role, region)
            taken = self._taken[role]
        return taken.get_frozen_credentials()

    def _own(self, region: str) -> Any:
        from botocore.exceptions import NoCredentialsError

        if self._role and self._proof is not None:
            create_client = functools.partial(self._client, region_name=region)
            return exchanged(create_client, self._role, self._proof)
        found = self._botocore().get_credentials()
        if found is None:
            raise NoCredentialsError
        return found

    def _assumed(self, role: str, region: str) -> Any:
        from botocore import credentials as botocore

        fetcher = botocore.AssumeRoleCredentialFetcher(
            functools.partial(self._client, region_name=region),
            self._taken[""],
            role,
            extra_args={"RoleSessionName": SESSION_NAME},
        )
        return botocore.DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")

    def _client(self, service: str, **more: Any) -> Any:
        return self._botocore().create_client(service, **more)

    def _botocore(self) -> Any:
        if self._session is None:
            from botocore.config import Config
            from botocore.session import Session

            self._session = Session()
            self._session.set_default_client_config(
                Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
            )
        return self._session


def _host(region: str) -> str:
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"sts.{region}.{suffix}"


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn errors of botocore into ours."""
    try:
        from botocore import exceptions
    except ImportError as error:
        raise Unsupported(
            f"{what}: this function carries no botocore; install federated-ingress[eks]"
        ) from error
    try:
        yield
    except exceptions.ClientError as error:
        told = error.response.get("Error") or {}
        code, words = str(told.get("Code") or ""), excerpt(str(told.get("Message") or ""))
        status = (error.response.get("ResponseMetadata") or {}).get("HTTPStatusCode", 0)
        if code in _TRANSIENT or "Throttl" in code or status >= _SERVER_ERROR:
            raise Unavailable(f"{what}: AWS answers {code}: {words}") from error
        raise Forbidden(f"{what}: AWS answers {code}: {words}") from error
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise Unavailable(f"{what}: AWS cannot be reached: {excerpt(str(error))}") from error
    except exceptions.BotoCoreError as error:
        raise Forbidden(f"{what}: no AWS credentials: {excerpt(str(error))}") from error
