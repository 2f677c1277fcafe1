"""
One load balancer UID for the GKE ingress controllers of all members: a compatibility setting.

Federation v1 made the controllers of all clusters name their resources alike by one `uid` in the
ConfigMap `kube-system/ingress-uid`, and told their firewalls apart by `provider-uid`. Fan-out does
so where the policy asks for it. Nothing of ours needs it.

Source: kubernetes-retired/federation, ingress controller (`provider-uid` is the first eight bytes
of the MD5 of the cluster's name); ingress-gce, `cmd/glbc/app/namer.go`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.change import Update
from fedingress.domain.member import CONFIG_MAP, MemberObject

NAMESPACE: Final = "kube-system"
NAME: Final = "ingress-uid"
_LEGACY_CLASS: Final = "kubernetes.io/ingress.class"
_SERVED: Final = frozenset({"", "gce", "gce-internal"})

Problem = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class UidView:
    """
    What stands in one member.

    config: the ConfigMap; None where there is none.
    served: `namespace/name` of the Ingresses that the cluster's own controller serves.
    """

    config: MemberObject | None
    served: tuple[str, ...] = ()

    @property
    def uid(self) -> str:
        """The UID that the cluster's controller has."""
        data = (self.config.manifest.get("data") or {}) if self.config else {}
        return str(data.get("uid") or "")

    @property
    def ours(self) -> bool:
        """Whether this UID was shared before."""
        meta = self.config.manifest["metadata"] if self.config else {}
        return (meta.get("annotations") or {}).get(names.SHARED_UID) == "true"


def provider_uid(cluster: str) -> str:
    """The part of a firewall's name that is each cluster's own."""
    return hashlib.md5(cluster.encode(), usedforsecurity=False).digest()[:8].hex()


def served(ingress: Mapping[str, Any]) -> bool:
    """Whether the GKE ingress controller of its own cluster serves *ingress*, which is not ours."""
    meta, spec = ingress["metadata"], ingress.get("spec") or {}
    if names.OWNER_UID in (meta.get("labels") or {}):
        return False
    named = (meta.get("annotations") or {}).get(_LEGACY_CLASS)
    if named is not None:
        return named in _SERVED
    return not spec.get("ingressClassName")


def shared(seen: Mapping[str, UidView], *, whole: bool) -> str:
    """
    The UID for all members: the one that was shared before, else the first member's by name.

    Args:
        seen: By member.
        whole: Whether every member could be read. Otherwise the one that was shared before may
            stand where nobody can see it, and none is chosen anew: the answer is empty.
    """
    before = [seen[name].uid for name in sorted(seen) if seen[name].ours and seen[name].uid]
    own = [seen[name].uid for name in sorted(seen) if seen[name].uid] if whole else []
    return next(iter((*before, *own)), "")


def change(
    cluster: str, seen: UidView, uid: str
) -> tuple[Update[MemberObject] | None, Problem | None]:
    """
    What is to be written in *cluster* so that it has *uid*, and why it cannot be.

    The ConfigMap is never created: a cluster whose controller has not made it has no controller.
    A cluster whose controller serves Ingresses under another UID keeps it, or these would lose
    their load balancer.
    """
    if seen.config is None:
        text = f"it has no ConfigMap {NAMESPACE}/{NAME}, so no ingress controller of GKE"
        return None, ("IngressUidMissing", text)
    data = seen.config.manifest.get("data") or {}
    wanted = {"uid": uid, "provider-uid": provider_uid(cluster)}
    if not uid or (seen.ours and all(data.get(key) == value for key, value in wanted.items())):
        return None, None
    if seen.uid != uid and seen.served:
        text = (
            f"its controller serves {', '.join(seen.served[:3])} under ingress-uid {seen.uid!r}, "
            f"which stays; delete these first, and it gets {uid!r}"
        )
        return None, ("IngressUidInUse", text)
    manifest = {
        "apiVersion": "v1",
        "kind": CONFIG_MAP,
        "metadata": {
            "namespace": NAMESPACE,
            "name": NAME,
            "annotations": {names.SHARED_UID: "true"},
        },
        "data": wanted,
    }
    fields = [f"data.{key}" for key in sorted(wanted) if data.get(key) != wanted[key]]
    fields += [] if seen.ours else ["metadata.annotations"]
    desired = MemberObject(cluster=cluster, manifest=manifest)
    why = "the policy shares one ingress-uid"
    return Update(observed=seen.config, desired=desired, fields=tuple(fields), why=why), None
