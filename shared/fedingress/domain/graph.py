"""The global load balancer's resources as data, and the mark that says whose they are."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}")
"""A value of a label. Source: Compute Engine, \"Organize resources using labels\"."""


class Kind(Enum):
    """
    GCE collections in the order of creation; deletion goes backwards.

    The value is the collection's name in compute v1.
    """

    FIREWALL = "firewalls"
    SECURITY_POLICY = "securityPolicies"
    ADDRESS = "addresses"
    SSL_CERTIFICATE = "sslCertificates"
    SSL_POLICY = "sslPolicies"
    INSTANCE_GROUP = "instanceGroups"
    HEALTH_CHECK = "healthChecks"
    BACKEND_SERVICE = "backendServices"
    URL_MAP = "urlMaps"
    TARGET_HTTP_PROXY = "targetHttpProxies"
    TARGET_HTTPS_PROXY = "targetHttpsProxies"
    FORWARDING_RULE = "forwardingRules"

    @property
    def stage(self) -> int:
        """Resources of one stage do not refer to each other and change in parallel."""
        return _STAGES[self]


_STAGES = {
    Kind.FIREWALL: 0,
    Kind.SECURITY_POLICY: 0,
    Kind.ADDRESS: 0,
    Kind.SSL_CERTIFICATE: 0,
    Kind.SSL_POLICY: 0,
    Kind.INSTANCE_GROUP: 0,
    Kind.HEALTH_CHECK: 0,
    Kind.BACKEND_SERVICE: 1,
    Kind.URL_MAP: 2,
    Kind.TARGET_HTTP_PROXY: 3,
    Kind.TARGET_HTTPS_PROXY: 3,
    Kind.FORWARDING_RULE: 4,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """
    Ownership, kept as JSON in a resource's `description`, or in labels of an adopted rule.

    owner: the installation.   uid: of the source Ingress (empty for shared ones).
    source: `namespace/name`, for people.
    security_policy: the one that we have put, or are about to put, on a backend service; so that it
        goes when the policy no longer names it, and one that somebody else has put there stays.
    """

    owner: str
    uid: str
    source: str
    security_policy: str = ""

    def encode(self) -> str:
        """The JSON text, with sorted keys."""
        body = {"owner": self.owner, "source": self.source, "uid": self.uid}
        if self.security_policy:
            body["securityPolicy"] = self.security_policy
        return json.dumps({"fedingress.dev": body}, sort_keys=True, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> "Mark | None":
        """The mark in a description, or None when it carries none of ours."""
        try:
            body = json.loads(text)["fedingress.dev"]
            return cls(
                owner=body["owner"],
                uid=body["uid"],
                source=body["source"],
                security_policy=str(body.get("securityPolicy", "")),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def labels(self) -> dict[str, str]:
        """The mark as labels, where a description cannot change; none when they cannot say it."""
        namespace, _, name = self.source.partition("/")
        found = {"owner": self.owner, "uid": self.uid, "namespace": namespace, "name": name}
        fits = not self.security_policy and all(map(_LABEL.fullmatch, found.values()))
        return {f"fedingress-{key}": value for key, value in found.items()} if fits else {}

    @classmethod
    def of_labels(cls, labels: Mapping[str, str]) -> "Mark | None":
        """The mark that `labels` has made, or None where one of them is missing."""
        try:
            return cls(
                owner=labels["fedingress-owner"],
                uid=labels["fedingress-uid"],
                source=f"{labels['fedingress-namespace']}/{labels['fedingress-name']}",
            )
        except KeyError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalResource:
    """
    One resource of the global graph, or an instance group that it leads to.

    zone: of an instance group; nothing else has one.
    spec: the compute v1 JSON that we own, canonical: no `name`, no `description`, no output-only
        field, references as `projects/P/...` paths, numbers as numbers. In a desired spec None
        means that the field must be absent.
    mark: None for a resource that is not ours.
    version: the fingerprint, where the kind has one; ours to send back, never compared.
    unread: what is written at creation and never compared, kept or shown: a private key.
    """

    kind: Kind
    project: str
    name: str
    spec: Mapping[str, Any]
    mark: Mark | None = None
    version: str = ""
    zone: str = ""
    output: Mapping[str, Any] = field(default_factory=dict)
    unread: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def path(self) -> str:
        """`projects/P/global/COLLECTION/NAME`, or `.../zones/ZONE/...`, as references use it."""
        place = f"zones/{self.zone}" if self.zone else "global"
        return f"projects/{self.project}/{place}/{self.kind.value}/{self.name}"

    @property
    def label(self) -> str:
        where = f"{self.zone}/" if self.zone else ""
        return f"{self.project}: {self.kind.value} {where}{self.name}"

    def with_unread(self, unread: Mapping[str, Any]) -> "GlobalResource":
        """The same, with what only its creation needs."""
        return replace(self, unread=unread)

    def as_json(self) -> Any:
        return dict(self.spec)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class NegRef:
    """A zonal network endpoint group of a member."""

    project: str
    zone: str
    name: str

    @property
    def path(self) -> str:
        """As backends of a backend service name it."""
        return f"projects/{self.project}/zones/{self.zone}/networkEndpointGroups/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class InstanceGroupRef:
    """An instance group of a member: all of its nodes in one zone, whatever they serve."""

    project: str
    zone: str
    name: str

    @property
    def path(self) -> str:
        """As backends of a backend service name it."""
        return f"projects/{self.project}/zones/{self.zone}/instanceGroups/{self.name}"


GroupRef = NegRef | InstanceGroupRef
"""What a backend of a backend service can refer to."""


def port_name(number: int) -> str:
    """The named port of an instance group for a port of its nodes, as GKE calls it."""
    return f"port{number}"
