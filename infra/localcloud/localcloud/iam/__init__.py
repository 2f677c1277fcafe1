"""Who is who at AWS: access keys, signatures, roles, and the tokens of EKS clusters."""

from localcloud.iam.identities import Identities
from localcloud.iam.sts import serve_sts

__all__ = ["Identities", "serve_sts"]
