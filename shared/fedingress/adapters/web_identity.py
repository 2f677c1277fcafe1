"""
A role of AWS for Google's word about who we are; `aws` and `kube` take it on.

Source: AWS STS, AssumeRoleWithWebIdentity; IAM, "Creating a role for OIDC federation".
"""

# ruff: noqa: PLC0415  botocore is imported where it is first needed, never with this module

import functools
from collections.abc import Callable
from typing import Any, Final

METHOD: Final = "assume-role-with-web-identity"
SESSION_NAME: Final = "fedingress"
_AUDIENCE: Final = "sts.amazonaws.com"
"""Of the identity tokens that Google issues for AWS."""


def exchanged(create_client: Callable[..., Any], role: str, proof: Callable[[str], str]) -> Any:
    """
    Credentials of *role* (an ARN); botocore takes them on when asked and renews them in time.

    Args:
        create_client: Makes botocore's client of a service; region and limits are its own.
        role: ARN of the role that *proof* is exchanged for.
        proof: Gives an OpenID Connect token for an audience.
    """
    from botocore import credentials

    fetcher = credentials.AssumeRoleWithWebIdentityCredentialFetcher(
        create_client,
        functools.partial(proof, _AUDIENCE),
        role,
        extra_args={"RoleSessionName": SESSION_NAME},
    )
    return credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, METHOD)
