"""
What an EKS cluster makes of a bearer token: it hears from STS who has signed it.

A token is a presigned request for `GetCallerIdentity`; the cluster puts its own name into a signed
header before it sends it, so that a token for another cluster has a wrong signature here. STS takes
a presigned request for fifteen minutes, whatever it says of its own end.

Source: kubernetes-sigs/aws-iam-authenticator (README, "API Authorization from Outside a Cluster";
the checks of its token verifier); Amazon EKS, "Learn how access control works in Amazon EKS".

Not modelled: access policies and Kubernetes groups: an access entry may do everything.
"""

import base64
import binascii
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from localcloud.iam.errors import StsError
from localcloud.iam.identities import Identities
from localcloud.iam.signing import Request, claim

PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"

_LONGEST = 1 << 12
_PARAMETERS = frozenset(
    {
        "action",
        "version",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)


class AccessEntries:
    """
    The roles that may enter one cluster.

    Attributes:
        arns: Of the roles.
    """

    def __init__(self, cluster: str, region: str, identities: Identities) -> None:
        self.cluster = cluster
        self.region = region
        self.arns: set[str] = set()
        self._identities = identities

    def caller(self, token: str) -> str | None:
        """Give the ARN of who signed *token*; None when it is no good here."""
        try:
            arn = self._signer(token)
        except (StsError, ValueError):
            return None
        return arn if arn in self.arns else None

    def _signer(self, token: str) -> str:
        """
        Ask STS.

        Raises:
            StsError: As STS would answer.
            ValueError: It is no token for EKS.
        """
        url = urlsplit(_decoded(token))
        host = f"sts.{self.region}.amazonaws.com"
        if (url.scheme, url.netloc, url.path) not in {
            ("https", host, "/"),
            ("https", "sts.amazonaws.com", "/"),
        }:
            raise ValueError("not a request to STS")
        query = parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)
        _check_parameters(query)
        headers = {"host": url.netloc, CLUSTER_HEADER: self.cluster}
        request = Request(method="GET", path=url.path, query=query, headers=headers)
        told = claim(request)
        if told is None or CLUSTER_HEADER not in told.signed_headers:
            raise ValueError("not signed for a cluster")
        return self._identities.who(request).arn


def _decoded(token: str) -> str:
    if not token.startswith(PREFIX) or len(token) > _LONGEST:
        raise ValueError("no token for EKS")
    text = token.removeprefix(PREFIX)
    try:
        padded = text + "=" * (-len(text) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except binascii.Error:
        raise ValueError("not base64") from None


def _check_parameters(query: Sequence[tuple[str, str]]) -> None:
    names = [name.lower() for name, _ in query]
    if len(set(names)) < len(names) or not _PARAMETERS.issuperset(names):
        raise ValueError("a parameter twice, or one that does not belong there")
    told = {name.lower(): value for name, value in query}
    if told.get("action", "").lower() != "getcalleridentity":
        raise ValueError("another action")
