"""
Who we are to AWS, for boto3, from either home, and in other accounts.

`wire` hands it to `Clients`. On AWS it is the role of the function, which botocore finds. On Google
Cloud, where there is none, Google's word for our service account is exchanged for a role
(`AssumeRoleWithWebIdentity`). From there a role of another account is assumed (`AssumeRole`).
botocore renews each of them before it ends.

Source: AWS STS, AssumeRole, AssumeRoleWithWebIdentity; IAM, "Creating a role for OIDC federation",
"Access to AWS accounts owned by third parties" (ExternalId).
"""

# ruff: noqa: PLC0415  boto3 is imported where it is first needed, never with this module

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from fedingress.adapters.aws.errors import aws_errors
from fedingress.adapters.web_identity import METHOD, SESSION_NAME, exchanged
from fedingress.domain.errors import Forbidden, Invalid
from fedingress.planning.decode.roles import AccountRole

_REGION: Final = "us-east-1"


def session(role: str = "", proof: Callable[[str], str] | None = None) -> Any:
    """
    A boto3 session; nothing is contacted yet.

    Args:
        role: ARN of the role that *proof* is exchanged for; empty: what botocore finds.
        proof: Gives an OpenID Connect token for an audience.
    """
    import boto3

    if not role or proof is None:
        return boto3.Session()
    from botocore.session import Session

    ours = Session()
    create_client = functools.partial(ours.create_client, region_name=_REGION, config=_limits())
    return _session_of(ours, functools.partial(exchanged, create_client, role, proof))


def assumed(own: Callable[[], Any], role: AccountRole) -> Any:
    """
    A boto3 session as *role* of another account; nothing is contacted yet.

    Args:
        own: Gives the session that the role is assumed from.
        role: Whose trust policy lets us.
    """
    from botocore import credentials
    from botocore.session import Session

    extra = {"RoleSessionName": SESSION_NAME}
    if role.external_id:
        extra["ExternalId"] = role.external_id

    def fetch() -> Any:
        with aws_errors("STS"):
            base = own()
            source = base.get_credentials()
        if source is None:
            raise Forbidden("AWS: there are no credentials to assume a role with")
        create_client = functools.partial(base.client, region_name=_REGION, config=_limits())
        fetcher = credentials.AssumeRoleCredentialFetcher(
            create_client, source, role.arn, extra_args=extra
        )
        with _refused(role):
            return fetcher.fetch_credentials()

    method = "assume-role"
    return _session_of(Session(), lambda: credentials.DeferredRefreshableCredentials(fetch, method))


@contextmanager
def _refused(role: AccountRole) -> Iterator[None]:
    """
    Say what is missing where STS does not let us assume *role*.

    Whatever it finds wrong with the request is no fault of the zone, which may hold what is ours.
    """
    try:
        with aws_errors("STS"):
            yield
    except Invalid as error:
        raise Forbidden(f"STS, for {role.arn}: {error}") from error
    except Forbidden as error:
        asks = " with our external id" if role.external_id else ""
        raise Forbidden(
            f"{error}; the role of the account {role.account} is not ours to assume: the trust "
            f"policy of {role.arn} must allow sts:AssumeRole to our identity{asks}, and our "
            "identity's own policy must allow it on that role"
        ) from error


def _session_of(ours: Any, load: Callable[[], Any]) -> Any:
    """A boto3 session over botocore's *ours*, with the credentials that *load* gives."""
    import boto3
    from botocore import credentials

    class Loaded(credentials.CredentialProvider):  # type: ignore[misc]  # it has no types
        """Before all that botocore would look for."""

        METHOD = METHOD
        CANONICAL_NAME = "fedingress"

        def load(self) -> Any:
            return load()

    ours.get_component("credential_provider").insert_before("env", Loaded())
    return boto3.Session(botocore_session=ours)


def _limits() -> Any:
    from botocore.config import Config

    return Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
