"""
What each collection of compute v1 says beyond its schema: defaults, required and fixed fields.

The discovery document does not say these; they follow the REST reference of Compute Engine. Fields
that are left out of a PUT fall back to their defaults, except fixed ones, which stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """
    One collection.

    Attributes:
        kind: As in ``compute#kind`` and in texts.
        metric: Name of its quota.
        defaults: Fields that an insert fills in.
        required: Fields that an insert must set, besides the name.
        fixed: Fields that no later request changes.
        fingerprint: Whether updates need one.
        guarded: The fields that the fingerprint is of; all when empty.
        labels: Whether it has labels with a fingerprint of their own.
    """

    kind: str
    metric: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    fingerprint: bool = False
    guarded: tuple[str, ...] = ()
    labels: bool = False

    @property
    def words(self) -> str:
        """Give the kind in words with underscores, as in-use errors name it."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in self.kind)


COLLECTIONS: Mapping[str, Collection] = {
    "addresses": Collection(
        kind="address",
        metric="STATIC_ADDRESSES",
        defaults={
            "description": "",
            "addressType": "EXTERNAL",
            "ipVersion": "IPV4",
            "networkTier": "PREMIUM",
        },
        labels=True,
    ),
    "backendBuckets": Collection(
        kind="backendBucket",
        metric="BACKEND_BUCKETS",
        defaults={"description": "", "enableCdn": False},
        required=("bucketName",),
    ),
    "backendServices": Collection(
        kind="backendService",
        metric="BACKEND_SERVICES",
        defaults={
            "description": "",
            "protocol": "HTTP",
            "port": 80,
            "portName": "http",
            "timeoutSec": 30,
            "sessionAffinity": "NONE",
            "affinityCookieTtlSec": 0,
            "loadBalancingScheme": "EXTERNAL",
            "connectionDraining": {"drainingTimeoutSec": 0},
            "enableCDN": False,
        },
        fixed=("loadBalancingScheme",),
        fingerprint=True,
    ),
    "firewalls": Collection(
        kind="firewall",
        metric="FIREWALLS",
        defaults={
            "description": "",
            "direction": "INGRESS",
            "disabled": False,
            "logConfig": {"enable": False},
            "priority": 1000,
            "network": "global/networks/default",
        },
        fixed=("direction", "network"),
    ),
    "forwardingRules": Collection(
        kind="forwardingRule",
        metric="FORWARDING_RULES",
        defaults={
            "description": "",
            "IPProtocol": "TCP",
            "loadBalancingScheme": "EXTERNAL",
            "networkTier": "PREMIUM",
        },
        required=("target", "portRange"),
        fixed=("IPAddress", "IPProtocol", "portRange", "loadBalancingScheme", "target"),
        fingerprint=True,
        labels=True,
    ),
    "healthChecks": Collection(
        kind="healthCheck",
        metric="HEALTH_CHECKS",
        defaults={
            "description": "",
            "checkIntervalSec": 5,
            "timeoutSec": 5,
            "healthyThreshold": 2,
            "unhealthyThreshold": 2,
        },
        required=("type",),
    ),
    "instanceGroups": Collection(
        kind="instanceGroup",
        metric="INSTANCE_GROUPS",
        defaults={"description": "", "size": 0},
        fingerprint=True,
        guarded=("namedPorts",),
    ),
    "instances": Collection(kind="instance", metric="INSTANCES"),
    "networkEndpointGroups": Collection(
        kind="networkEndpointGroup",
        metric="NETWORK_ENDPOINT_GROUPS",
        defaults={"description": "", "size": 0},
        required=("networkEndpointType",),
    ),
    "networks": Collection(
        kind="network",
        metric="NETWORKS",
        defaults={
            "description": "",
            "autoCreateSubnetworks": True,
            "routingConfig": {"routingMode": "REGIONAL"},
        },
    ),
    "securityPolicies": Collection(
        kind="securityPolicy",
        metric="SECURITY_POLICIES",
        defaults={"description": "", "type": "CLOUD_ARMOR"},
        fixed=("type",),
        fingerprint=True,
        labels=True,
    ),
    "sslCertificates": Collection(
        kind="sslCertificate",
        metric="SSL_CERTIFICATES",
        defaults={"description": ""},
    ),
    "sslPolicies": Collection(
        kind="sslPolicy",
        metric="SSL_POLICIES",
        defaults={"description": "", "minTlsVersion": "TLS_1_0", "profile": "COMPATIBLE"},
        fingerprint=True,
    ),
    "targetHttpProxies": Collection(
        kind="targetHttpProxy",
        metric="TARGET_HTTP_PROXIES",
        defaults={"description": "", "proxyBind": False},
        required=("urlMap",),
        fingerprint=True,
    ),
    "targetHttpsProxies": Collection(
        kind="targetHttpsProxy",
        metric="TARGET_HTTPS_PROXIES",
        defaults={"description": "", "proxyBind": False, "quicOverride": "NONE"},
        required=("urlMap",),
        fingerprint=True,
    ),
    "urlMaps": Collection(
        kind="urlMap",
        metric="URL_MAPS",
        defaults={"description": ""},
        fingerprint=True,
    ),
}
