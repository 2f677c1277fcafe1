"""
Who we are to AWS, for boto3, from either home.

`wire` hands it to `Clients`. On AWS it is the role of the function, which botocore finds. On Google
Cloud, where there is none, Google's word for our service account is exchanged for a role
(`AssumeRoleWithWebIdentity`); botocore renews it before it ends.

Source: AWS STS, AssumeRoleWithWebIdentity; IAM, "Creating a role for OIDC federation".
"""

# ruff: noqa: PLC0415  boto3 is imported where it is first needed, never with this module

import functools
from collections.abc import Callable
from typing import Any, Final

from fedingress.adapters.web_identity import METHOD, exchanged

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
    from botocore import credentials
    from botocore.config import Config
    from botocore.session import Session

    ours = Session()
    limits = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    create_client = functools.partial(ours.create_client, region_name=_REGION, config=limits)
    take_on = functools.partial(exchanged, create_client, role, proof)

    class Exchanged(credentials.CredentialProvider):  # type: ignore[misc]  # it has no types
        """Before all that botocore would look for."""

        METHOD = METHOD
        CANONICAL_NAME = "fedingress"

        def load(self) -> Any:
            return take_on()

    ours.get_component("credential_provider").insert_before("env", Exchanged())
    return boto3.Session(botocore_session=ours)
