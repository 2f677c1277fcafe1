"""
The ways into a member that `fedingress cluster join` offers, from options to an `Access`.

Server and authority always come from a kubeconfig. How the functions authenticate there is another
question: by the token of its user, by one that is kept elsewhere, or by their own identity.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from fedingress.domain.cluster import Access, EksCluster
from fedingress.domain.errors import Invalid
from fedingress.planning.decode.access import TOKEN_PROVIDER


class AccessBy(StrEnum):
    """How the functions will reach a member."""

    token = "token"  # noqa: S105  a word of the command line
    gke = "gke"
    eks = "eks"


@dataclass(frozen=True, slots=True, kw_only=True)
class WayIn:
    """
    What the options say.

    token_from: a reference to a secret of a cloud.   eks: fields are empty where not said.
    """

    member: str
    by: AccessBy
    token_file: Path | None
    token_from: str
    eks: EksCluster

    def access(self, kubeconfig: str, context: str, *, region: str) -> tuple[Access, str]:
        """
        The access for the profile, and the token for the Secret beside it, if there is to be one.

        Args:
            kubeconfig: Path of a file that leads to the member.
            context: Of it; the current one if empty.
            region: Of the member, for an EKS cluster whose region is not said.

        Raises:
            Invalid: Options exclude each other, or a file cannot be used.
        """
        from fedingress.adapters.kube.kubeconfig import entrance  # noqa: PLC0415

        self._check()
        by_token = self.by is AccessBy.token
        found = entrance(
            kubeconfig,
            context,
            token=_token(self.token_file),
            needs_token=by_token and not self.token_from,
        )
        eks = replace(self.eks, name=self.eks.name or self.member, region=self.eks.region or region)
        wanted = Access(
            provider=TOKEN_PROVIDER if by_token else str(self.by),
            server=found.server,
            ca_data=found.ca_data,
            token_secret=self.token_from,
            eks=eks if self.by is AccessBy.eks else None,
        )
        return wanted, found.token

    def _check(self) -> None:
        if self.by is not AccessBy.token and (self.token_file or self.token_from):
            raise Invalid(f"--access {self.by} takes no token")
        if self.token_file and self.token_from:
            raise Invalid("--token-file and --token-from exclude each other")
        if self.by is not AccessBy.eks and self.eks != EksCluster(name="", region=""):
            raise Invalid("--eks-cluster, --eks-region and --role go with --access eks")


def _token(file: Path | None) -> str:
    """The text in *file*, which must hold one; empty without a file."""
    if file is None:
        return ""
    try:
        token = file.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise Invalid(f"{file} cannot be read: {error}") from error
    if not token:
        raise Invalid(f"{file} is empty; it must hold a token")
    return token
