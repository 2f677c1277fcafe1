"""Every name, key and annotation of ours, and how long names become short ones."""

import hashlib
from typing import Final

PREFIX: Final = "fedingress.dev/"
CONTROLLER: Final = "fedingress.dev/federated-ingress"
FIELD_MANAGER: Final = "fedingress"
MEMBER_CLASS: Final = "fedingress-member"

OWNER_UID: Final = "fedingress.dev/owner-uid"
"""Label on everything of ours in a member: the uid of the source Ingress."""
OWNER: Final = "fedingress.dev/owner"
"""Label: the installation that made it."""
SOURCE: Final = "fedingress.dev/source"
"""Annotation: namespace/name of the source."""
SERVICE: Final = "fedingress.dev/service"
"""Annotation of a companion: the user's Service that it stands beside."""
APPLIED: Final = "fedingress.dev/applied"
"""Annotation: hash of the manifest as we last applied it."""

SHARED_UID: Final = "fedingress.dev/shared-ingress-uid"
"""Annotation on the ConfigMap `ingress-uid` of a member that got the UID of all."""

CLUSTERS: Final = "fedingress.dev/clusters"
DRAIN: Final = "fedingress.dev/drain"
"""Annotation: on an Ingress, members that get no new requests of it; on a profile, `"true"`."""
CLUSTER_SELECTOR: Final = "fedingress.dev/cluster-selector"
V1_CLUSTER_SELECTOR: Final = "federation.alpha.kubernetes.io/cluster-selector"
HOSTNAME: Final = "fedingress.dev/hostname"
"""Annotation of users: further host names for the Ingress, by commas."""
ALLOW_HTTP: Final = "kubernetes.io/ingress.allow-http"
"""Annotation of users, as GKE has it: `"false"` turns HTTP off."""
PRE_SHARED: Final = "ingress.gcp.kubernetes.io/pre-shared-cert"
"""Annotation of users, as GKE has it: names of certificates in the cloud, by commas."""
ADOPT: Final = "fedingress.dev/adopt"
"""Annotation of users: what they let us take over, by commas: `dns`, or a word that we told."""
STATIC_IP: Final = "fedingress.dev/static-ip"
"""Annotation of users: the name of a reserved global address."""
STATIC_IPV6: Final = "fedingress.dev/static-ipv6"
"""Annotation of users: likewise, of IPv6."""
GLOBAL_STATIC_IP: Final = "kubernetes.io/ingress.global-static-ip-name"
"""Annotation of users, as GKE and federation v1 have it; read where ours is absent."""
CONDITIONS: Final = "fedingress.dev/conditions"
"""Annotation that `status` writes on a source: a JSON list of conditions."""
TABLE: Final = "fedingress.dev/cluster-status"
"""Annotation that `status` writes on a source: a JSON object, one row per member."""

ALB: Final = "alb.ingress.kubernetes.io/"
"""Prefix of the annotations that the AWS Load Balancer Controller reads."""
SERVICE_NAME: Final = "kubernetes.io/service-name"
"""Label of an EndpointSlice: the Service whose endpoints it lists."""

FOOTPRINT: Final = "fedingress.dev/footprint"
"""Annotation that `fanout` writes on a source: where things of ours may be, for the teardown."""

GROUP_CLASS: Final = "gce-multi-cluster"
"""
Value of the annotation `kubernetes.io/ingress.class`: GKE's controller makes instance groups for
such an Ingress, and no load balancer.
"""
CLASS_ANNOTATION: Final = "kubernetes.io/ingress.class"
INSTANCE_GROUPS: Final = "ingress.gcp.kubernetes.io/instance-groups"
"""Annotation that GKE's controller writes on an Ingress of that class: its groups, as JSON."""

NEG: Final = "cloud.google.com/neg"
NEG_STATUS: Final = "cloud.google.com/neg-status"

FINALIZERS: Final = {
    "dns": "dns.fedingress.dev",
    "backends": "backends.fedingress.dev",
    "fanout": "fanout.fedingress.dev",
}
"""In the order in which they leave."""


def short_hash(*parts: str, length: int = 10) -> str:
    """Hex of the parts' digest; parts are separated, so ("ab", "c") and ("a", "bc") differ."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:length]
