"""FederationPolicies that are accepted or refused, by the decoder and by the CRD alike."""

from typing import Any

HOSTED = {"provider": "route53", "name": "Z0123456789ABC", "domain": "aws.example"}
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0f-1"
ZONE = {"provider": "cloud-dns", "name": "example-com", "domain": "example.com"}


def manifest(**spec: Any) -> dict[str, Any]:
    """A valid policy with these fields of the spec; None leaves one out."""
    spec = {
        "topology": "gcp",
        "project": "lab",
        "placement": {"clusterSelector": {}},
        **spec,
    }
    return {
        "apiVersion": "fedingress.dev/v1alpha1",
        "kind": "FederationPolicy",
        "metadata": {"name": "standard"},
        "spec": {name: value for name, value in spec.items() if value is not None},
    }


def placement(**fields: Any) -> dict[str, Any]:
    return manifest(placement=fields)


def expression(**fields: Any) -> dict[str, Any]:
    return placement(clusterSelector={"matchExpressions": [fields]})


def patch(**operation: Any) -> dict[str, Any]:
    return manifest(overrides=[{"clusters": ["a"], "patch": [operation]}])


def check(**fields: Any) -> dict[str, Any]:
    return manifest(backends={"healthCheck": fields})


def backends(**fields: Any) -> dict[str, Any]:
    return manifest(backends=fields)


def dns(**fields: Any) -> dict[str, Any]:
    return manifest(dns=fields)


def zone(**fields: Any) -> dict[str, Any]:
    kept = {name: value for name, value in {**ZONE, **fields}.items() if value is not None}
    return dns(zones=[kept])


def aws(**fields: Any) -> dict[str, Any]:
    return manifest(topology="aws", project=None, aws=fields)


def aws_dns(**fields: Any) -> dict[str, Any]:
    return manifest(topology="aws", project=None, dns=fields)


def probe(**fields: Any) -> dict[str, Any]:
    return aws_dns(healthCheck=fields)


def damping(**fields: Any) -> dict[str, Any]:
    return aws_dns(damping=fields)


def places(*rows: tuple[str, str]) -> dict[str, Any]:
    listed = [{"location": location, "region": region} for location, region in rows]
    return aws_dns(routing="geolocation", places=listed)


def tls(**fields: Any) -> dict[str, Any]:
    return manifest(tls=fields)


def deletion(**fields: Any) -> dict[str, Any]:
    return manifest(deletion=fields)


ACCEPTED: dict[str, dict[str, Any]] = {
    "least": manifest(placement=None),
    "everywhere": manifest(),
    "project number": manifest(project="123456789012"),
    "project of a domain": manifest(project="example.com:lab"),
    "empty placement": placement(),
    "no clusters": placement(clusters=[]),
    "clusters": placement(clusters=["gke-us", "gke.eu"]),
    "clusters and selector": placement(clusters=["a"], clusterSelector={}),
    "labels": placement(clusterSelector={"matchLabels": {"example.com/env": "prod", "a": ""}}),
    "In": expression(key="a", operator="In", values=["x", ""]),
    "NotIn": expression(key="a", operator="NotIn", values=["x"]),
    "Exists": expression(key="a", operator="Exists"),
    "Exists of nothing": expression(key="a", operator="DoesNotExist", values=[]),
    "Gt": expression(key="a", operator="Gt", values=["15"]),
    "Lt a negative": expression(key="a", operator="Lt", values=["-15"]),
    "add": patch(op="add", path="/metadata/annotations/a~1b", value="1"),
    "add null": patch(op="add", path="/spec/x", value=None),
    "remove": patch(op="remove", path="/spec/tls"),
    "replace": patch(op="replace", path="/spec/rules/0/host", value="x.example"),
    "test the name": patch(op="test", path="/metadata/name", value="shop"),
    "test": patch(op="test", path="/spec", value={}),
    "move": patch(op="move", path="/spec/a", **{"from": "/spec/b"}),
    "copy of the name": patch(op="copy", path="/metadata/labels/n", **{"from": "/metadata/name"}),
    "override by selector": manifest(
        overrides=[{"clusterSelector": {}, "patch": [{"op": "remove", "path": "/a"}]}]
    ),
    "neg": backends(mode="neg"),
    "rate": backends(maxRatePerEndpoint=0.5),
    "whole rate": backends(maxRatePerEndpoint=100),
    "timeout": backends(timeoutSeconds=2147483647, drainingSeconds=3600),
    "warm-up": backends(warmUpSeconds=3600),
    "no warm-up": backends(warmUpSeconds=0),
    "protocol": backends(protocol="HTTP2"),
    "preferred": backends(preferred={"clusters": ["gke-eu"]}),
    "preferred by label": backends(preferred={"clusterSelector": {"matchLabels": {"a": "b"}}}),
    "rollout": manifest(rollout={"steps": [0.1, 0.5], "stepSeconds": 1}),
    "whole rollout": manifest(rollout={}),
    "no steps": manifest(rollout={"steps": [], "stepSeconds": 86400}),
    "security policy": backends(securityPolicy="edge-1"),
    "cookie": backends(sessionAffinity={"type": "GENERATED_COOKIE", "cookieSeconds": 60}),
    "session cookie": backends(sessionAffinity={"type": "GENERATED_COOKIE"}),
    "client": backends(sessionAffinity={"type": "CLIENT_IP"}),
    "cdn without iap": backends(cdn={"enabled": True}, iap={"enabled": False}),
    "iap without cdn": backends(cdn={"enabled": False}, iap={"enabled": True}),
    "headers": backends(requestHeaders=["X-Region:{client_region}", "X-Empty:"]),
    "no headers": backends(requestHeaders=[]),
    "logs": backends(logging={"enabled": True, "sampleRate": 0.25}),
    "all logs": backends(logging={"enabled": True}),
    "no logs": backends(logging={"enabled": False, "sampleRate": 1}),
    "check": check(path="/healthz", host="a.example", intervalSeconds=300, timeoutSeconds=300),
    "quick check": check(intervalSeconds=1),
    "thresholds": check(healthyThreshold=10, unhealthyThreshold=1),
    "zone": zone(),
    "zone of another project": zone(project="dns-project"),
    "two zones": dns(zones=[ZONE, {**ZONE, "name": "b", "domain": "b.example"}]),
    "no zones": dns(zones=[], routing="simple", ttlSeconds=86400),
    "whole tls": tls(
        minimumVersion="1.2",
        redirect=True,
        preSharedCertificates=["a", "b-2"],
        managedCertificates=True,
    ),
    "tls by others": tls(sslPolicy="modern", certificateMap="shop", redirect=False),
    "both families": manifest(addresses={"ipv6": True}),
    "one family": manifest(addresses={}),
    "hosted zone": dns(zones=[HOSTED]),
    "hosted zone of an account": dns(zones=[{**HOSTED, "account": "123456789012"}]),
    "least of aws": manifest(topology="aws", project=None),
    "aws with a project": manifest(topology="aws"),
    "empty aws": aws(),
    "aws and its zones": aws_dns(zones=[HOSTED, {**ZONE, "project": "lab"}], routing="weighted"),
    "group": aws(loadBalancer="group", group="shop.1"),
    "unnamed group": aws(loadBalancer="group"),
    "nginx": aws(
        ingressClass="nginx",
        scheme="internal",
        targetType="instance",
        dualStack=True,
        accelerator=True,
    ),
    "listeners": aws(
        listenPorts=[{"protocol": "HTTP", "port": 80}, {"protocol": "HTTPS", "port": 443}],
        sslRedirect=443,
        certificateArns=[CERTIFICATE, CERTIFICATE + "-b", CERTIFICATE.replace("us-", "eu-")],
        healthCheckPath="/healthz?deep=1",
    ),
    "places": places(("continent:EU", "eu-west-1"), ("country:*", "*"), ("subdivision:US/CA", "a")),
    "order": aws_dns(routing="failover", order=["us-east-1", "eu-west-1"]),
    "latency with all": aws_dns(routing="latency", spillBelow=1, damping={}, healthCheck={}),
    "probe of TCP": probe(port=8443, intervalSeconds=10, threshold=1),
    "probe of HTTP": probe(protocol="HTTP"),
    "probe of HTTPS": probe(protocol="HTTPS", paths=["/a", "/b"]),
    "damping": damping(
        tickSeconds=1,
        downWindows=1,
        upWindows=100,
        longestDwellSeconds=1,
        growth=1,
        points=0.01,
        deadband=1,
        largestRemoval=0.9,
    ),
    "cascade": deletion(mode="cascade", graceSeconds=604800, drainSeconds=86400),
    "orphan": deletion(mode="orphan", graceSeconds=0, drainSeconds=0),
}

_PLACE = {"location": "country:*", "region": "*"}
_PATCH = "spec.overrides[0].patch[0]"
_EXPRESSION = "spec.placement.clusterSelector.matchExpressions[0]"
_CHECK = "spec.backends.healthCheck"

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "step too small": (
        manifest(rollout={"steps": [0.05]}),
        "spec.rollout.steps[0]: 0.05 is out of range: 0.1 to below 1",
    ),
    "step of all": (manifest(rollout={"steps": [1]}), "spec.rollout.steps[0]: 1.0 is out of range"),
    "step of nothing": (manifest(rollout={"steps": [0]}), "spec.rollout.steps[0]: 0 is out of"),
    "steps that fall": (
        manifest(rollout={"steps": [0.5, 0.2]}),
        "spec.rollout.steps[1]: 0.2 does not rise above 0.5",
    ),
    "step no number": (manifest(rollout={"steps": ["1"]}), "spec.rollout.steps[0]: '1' is not a"),
    "steps without end": (
        manifest(rollout={"steps": [0.1 + 0.05 * n for n in range(11)]}),
        "spec.rollout.steps: ",
    ),
    "steps no list": (manifest(rollout={"steps": 0.5}), "spec.rollout.steps: 0.5 is not"),
    "step too short": (manifest(rollout={"stepSeconds": 0}), "spec.rollout.stepSeconds: 0 is out"),
    "rollout's field": (manifest(rollout={"step": 1}), "spec.rollout.step: unknown field 'step'"),
    "preferred member": (
        backends(preferred={"clusters": ["A"]}),
        "spec.backends.preferred.clusters[0]: 'A' is not the name of a member cluster",
    ),
    "security policy by path": (
        backends(securityPolicy="global/securityPolicies/edge"),
        "spec.backends.securityPolicy: 'global/securityPolicies/edge' is not the name of a",
    ),
    "no security policy": (
        backends(securityPolicy=""),
        "spec.backends.securityPolicy: '' is not the name of a security policy",
    ),
    "protocol": (backends(protocol="https"), "spec.backends.protocol: unknown protocol 'https'"),
    "protocol no text": (backends(protocol=2), "spec.backends.protocol: 2 is not text"),
    "version of TLS": (
        tls(minimumVersion="1.4"),
        "spec.tls.minimumVersion: unknown version of TLS '1.4'",
    ),
    "version of TLS no text": (tls(minimumVersion=1.2), "spec.tls.minimumVersion: 1.2 is not text"),
    "two policies of TLS": (
        tls(minimumVersion="1.2", sslPolicy="modern"),
        "spec.tls.sslPolicy: stands beside minimumVersion",
    ),
    "family": (manifest(addresses={"ipv4": True}), "spec.addresses.ipv4: unknown field 'ipv4'"),
    "ipv6 no boolean": (manifest(addresses={"ipv6": 6}), "spec.addresses.ipv6: 6 is neither"),
    "redirect no boolean": (tls(redirect="yes"), "spec.tls.redirect: 'yes' is neither true nor"),
    "certificate twice": (
        tls(preSharedCertificates=["a", "a"]),
        "spec.tls.preSharedCertificates[1]: a is named twice",
    ),
    "certificate name": (
        tls(preSharedCertificates=["A"]),
        "spec.tls.preSharedCertificates[0]: 'A' is not the name of a certificate",
    ),
    "map name": (tls(certificateMap="a/b"), "spec.tls.certificateMap: 'a/b' is not the name"),
    "copied secrets": (tls(copySecrets=True), "spec.tls.copySecrets: is known, but not served"),
    "no topology": (manifest(topology=None), "spec.topology: is required"),
    "known topology": (
        manifest(topology="via-gcp"),
        "spec.topology: topology via-gcp is known, but not served by this version; gcp and aws are",
    ),
    "unknown topology": (
        manifest(topology="gpc"),
        "spec.topology: unknown topology 'gpc'; did you mean gcp?",
    ),
    "topology no text": (manifest(topology=1), "spec.topology: 1 is not text"),
    "no project": (manifest(project=None), "spec.project: is required"),
    "empty project": (manifest(project=""), "spec.project: is required"),
    "bad project": (manifest(project="Lab"), "spec.project: 'Lab' is not the id"),
    "mistyped field": (
        manifest(placment={}),
        "spec.placment: unknown field 'placment'; did you mean placement?",
    ),
    "far field": (manifest(zzz={}), "spec.zzz: unknown field 'zzz'; known are addresses"),
    "placement no object": (manifest(placement=[]), "spec.placement: a list is not an object"),
    "placement field": (placement(cluster=["a"]), "spec.placement.cluster: unknown field"),
    "cluster name": (placement(clusters=["A"]), "spec.placement.clusters[0]: 'A' is not"),
    "cluster twice": (placement(clusters=["a", "a"]), "spec.placement.clusters[1]: a is named"),
    "clusters no list": (placement(clusters="a"), "spec.placement.clusters: 'a' is not a list"),
    "label key": (
        placement(clusterSelector={"matchLabels": {"a b": "x"}}),
        "spec.placement.clusterSelector.matchLabels: 'a b' is not a label key",
    ),
    "label value": (
        placement(clusterSelector={"matchLabels": {"a": "x y"}}),
        "spec.placement.clusterSelector.matchLabels: 'x y' is not a label value",
    ),
    "label value no text": (
        placement(clusterSelector={"matchLabels": {"a": True}}),
        "spec.placement.clusterSelector.matchLabels['a']: true is not text",
    ),
    "operator": (
        expression(key="a", operator="in", values=["x"]),
        f"{_EXPRESSION}.operator: unknown operator 'in'; did you mean In?",
    ),
    "no operator": (expression(key="a"), f"{_EXPRESSION}.operator: is required"),
    "no key": (expression(operator="Exists"), f"{_EXPRESSION}.key: is required"),
    "bad key": (expression(key="a/", operator="Exists"), f"{_EXPRESSION}.key: 'a/' is not"),
    "In of nothing": (expression(key="a", operator="In"), f"{_EXPRESSION}.values: operator In"),
    "In of a bad value": (
        expression(key="a", operator="In", values=["x y"]),
        f"{_EXPRESSION}.values[0]: 'x y' is not a label value",
    ),
    "Exists of one": (
        expression(key="a", operator="Exists", values=["x"]),
        f"{_EXPRESSION}.values: operator Exists takes no values",
    ),
    "Gt of two": (
        expression(key="a", operator="Gt", values=["1", "2"]),
        f"{_EXPRESSION}.values: operator Gt takes exactly one integer",
    ),
    "Gt of a word": (
        expression(key="a", operator="Gt", values=["x"]),
        f"{_EXPRESSION}.values: operator Gt takes exactly one integer",
    ),
    "override of none": (
        manifest(overrides=[{"patch": [{"op": "remove", "path": "/a"}]}]),
        "spec.overrides[0]: exactly one of clusters and clusterSelector",
    ),
    "override of both": (
        manifest(
            overrides=[
                {
                    "clusters": ["a"],
                    "clusterSelector": {},
                    "patch": [{"op": "remove", "path": "/a"}],
                }
            ]
        ),
        "spec.overrides[0]: exactly one of clusters and clusterSelector",
    ),
    "no patch": (manifest(overrides=[{"clusters": ["a"]}]), "spec.overrides[0].patch: is required"),
    "empty patch": (
        manifest(overrides=[{"clusters": ["a"], "patch": []}]),
        "spec.overrides[0].patch: needs at least 1 item",
    ),
    "no operation": (patch(path="/a", value=1), f"{_PATCH}.op: is required"),
    "bad operation": (patch(op="set", path="/a"), f"{_PATCH}.op: unknown operation 'set'"),
    "no path": (patch(op="remove"), f"{_PATCH}.path: is required"),
    "bad pointer": (patch(op="remove", path="a"), f"{_PATCH}.path: 'a' is not a JSON pointer"),
    "bad escape": (patch(op="remove", path="/a~2"), f"{_PATCH}.path: '/a~2' is not a JSON"),
    "long pointer": (
        patch(op="remove", path="/" + "a" * 1024),
        f"{_PATCH}.path: is longer than 1024 characters",
    ),
    "add without value": (patch(op="add", path="/a"), f"{_PATCH}.value: is required by"),
    "move without from": (patch(op="move", path="/a"), f"{_PATCH}.from: is required"),
    "the name": (
        patch(op="replace", path="/metadata/name", value="x"),
        f"{_PATCH}.path: '/metadata/name' is the object's identity",
    ),
    "the whole": (patch(op="replace", path="", value={}), f"{_PATCH}.path: '' is the object's"),
    "the status": (patch(op="remove", path="/status/x"), f"{_PATCH}.path: '/status/x' is the"),
    "moving the name away": (
        patch(op="move", path="/a", **{"from": "/metadata/name"}),
        f"{_PATCH}.from: '/metadata/name' is the object's identity",
    ),
    "operation field": (
        patch(op="remove", path="/a", valeu=1),
        f"{_PATCH}.valeu: unknown field 'valeu'; did you mean value?",
    ),
    "rate of pods beside nodes": (
        backends(mode="instance-group", maxRatePerEndpoint=1),
        "spec.backends.maxRatePerEndpoint: is for mode neg; nodes are instances: say maxRatePer",
    ),
    "rate of nodes beside pods": (
        backends(maxRatePerInstance=1),
        "spec.backends.maxRatePerInstance: is for mode instance-group",
    ),
    "utilization of pods": (
        backends(maxUtilization=0.5),
        "spec.backends.maxUtilization: is for mode instance-group",
    ),
    "balancing of pods": (
        backends(balancingMode="RATE"),
        "spec.backends.balancingMode: is for mode instance-group",
    ),
    "own ports of pods": (
        backends(nodePorts="own"),
        "spec.backends.nodePorts: own is for mode instance-group",
    ),
    "two measures": (
        backends(mode="instance-group", maxRatePerInstance=1, maxUtilization=0.5),
        "spec.backends.maxUtilization: stands beside maxRatePerInstance",
    ),
    "utilization beside rate": (
        backends(mode="instance-group", balancingMode="RATE", maxUtilization=0.5),
        "spec.backends.maxUtilization: stands beside balancingMode RATE",
    ),
    "utilization with a rate": (
        backends(mode="instance-group", balancingMode="UTILIZATION", maxRatePerInstance=1),
        "spec.backends.balancingMode: UTILIZATION stands beside maxRatePerInstance",
    ),
    "busier than busy": (
        backends(mode="instance-group", maxUtilization=1.5),
        "spec.backends.maxUtilization: 1.5 is out of range: above 0 and at most 1",
    ),
    "unknown balancing": (
        backends(mode="instance-group", balancingMode="CONNECTION"),
        "spec.backends.balancingMode: unknown balancing mode 'CONNECTION'",
    ),
    "unknown ports": (
        backends(mode="instance-group", nodePorts="mine"),
        "spec.backends.nodePorts: unknown choice of node ports 'mine'",
    ),
    "probe beyond nodes": (
        backends(mode="instance-group", healthCheck={"timeoutSeconds": 61}),
        "spec.backends.healthCheck.timeoutSeconds: 61 is more than intervalSeconds, 60",
    ),
    "unknown mode": (backends(mode="negs"), "spec.backends.mode: unknown mode 'negs'; did you"),
    "rate 0": (backends(maxRatePerEndpoint=0), "spec.backends.maxRatePerEndpoint: 0 is out"),
    "rate beyond": (
        backends(maxRatePerEndpoint=2e14),
        "spec.backends.maxRatePerEndpoint: 200000000000000.0 is out",
    ),
    "rate as text": (backends(maxRatePerEndpoint="1"), "spec.backends.maxRatePerEndpoint: '1' is"),
    "rate as truth": (backends(maxRatePerEndpoint=True), "spec.backends.maxRatePerEndpoint: true"),
    "timeout 0": (backends(timeoutSeconds=0), "spec.backends.timeoutSeconds: 0 is out of range: 1"),
    "affinity": (
        backends(sessionAffinity={"type": "CLIENT"}),
        "spec.backends.sessionAffinity.type: unknown session affinity 'CLIENT'",
    ),
    "no affinity": (
        backends(sessionAffinity={}),
        "spec.backends.sessionAffinity.type: is required: one of NONE",
    ),
    "cookie of nobody": (
        backends(sessionAffinity={"type": "CLIENT_IP", "cookieSeconds": 1}),
        "spec.backends.sessionAffinity.cookieSeconds: stands beside type CLIENT_IP",
    ),
    "cdn and iap": (
        backends(cdn={"enabled": True}, iap={"enabled": True}),
        "spec.backends.iap: stands beside cdn",
    ),
    "cdn of nothing": (backends(cdn={}), "spec.backends.cdn.enabled: is required: true or"),
    "iap no boolean": (backends(iap={"enabled": 1}), "spec.backends.iap.enabled: 1 is neither"),
    "header": (
        backends(requestHeaders=["no header"]),
        "spec.backends.requestHeaders[0]: 'no header' is not a header written Name:value",
    ),
    "own header": (
        backends(requestHeaders=["A:b", "x-Goog-a:b"]),
        "spec.backends.requestHeaders[1]: 'x-Goog-a' is the load balancer's own header",
    ),
    "many headers": (
        backends(requestHeaders=["A:b"] * 17),
        "spec.backends.requestHeaders: has 17 items; at most 16 are allowed",
    ),
    "share": (
        backends(logging={"enabled": True, "sampleRate": 1.5}),
        "spec.backends.logging.sampleRate: 1.5 is out of range",
    ),
    "logging of nothing": (backends(logging={}), "spec.backends.logging.enabled: is required"),
    "draining": (backends(drainingSeconds=3601), "spec.backends.drainingSeconds: 3601 is out"),
    "warm-up": (backends(warmUpSeconds=3601), "spec.backends.warmUpSeconds: 3601 is out of range"),
    "interval 0": (check(intervalSeconds=0), f"{_CHECK}.intervalSeconds: 0 is out of range: 1 to"),
    "interval 301": (check(intervalSeconds=301), f"{_CHECK}.intervalSeconds: 301 is out"),
    "interval as text": (check(intervalSeconds="5"), f"{_CHECK}.intervalSeconds: '5' is not"),
    "timeout beyond interval": (
        check(intervalSeconds=5, timeoutSeconds=6),
        f"{_CHECK}.timeoutSeconds: 6 is more than intervalSeconds, 5",
    ),
    "timeout beyond the default interval": (
        check(timeoutSeconds=16),
        f"{_CHECK}.timeoutSeconds: 16 is more than intervalSeconds, 15",
    ),
    "healthy 11": (check(healthyThreshold=11), f"{_CHECK}.healthyThreshold: 11 is out"),
    "unhealthy 0": (check(unhealthyThreshold=0), f"{_CHECK}.unhealthyThreshold: 0 is out"),
    "relative probe": (check(path="healthz"), f"{_CHECK}.path: 'healthz' is not an absolute"),
    "probe with a space": (check(path="/a b"), f"{_CHECK}.path: '/a b' is not an absolute"),
    "probe host": (check(host="*.example"), f"{_CHECK}.host: '*.example' is not a DNS name"),
    "unknown provider": (
        zone(provider="route-53"),
        "spec.dns.zones[0].provider: unknown provider 'route-53'; did you mean route53?",
    ),
    "hosted zone in a project": (
        dns(zones=[{**HOSTED, "project": "lab"}]),
        "spec.dns.zones[0].project: is not for this provider: a hosted zone is in an account",
    ),
    "managed zone in an account": (
        zone(account="123456789012"),
        "spec.dns.zones[0].account: is not for this provider: a managed zone is in a project",
    ),
    "name of a hosted zone": (
        dns(zones=[{**HOSTED, "name": "example-com"}]),
        "spec.dns.zones[0].name: 'example-com' is not the id of a hosted zone",
    ),
    "account": (
        dns(zones=[{**HOSTED, "account": "12"}]),
        "spec.dns.zones[0].account: '12' is not 12 digits",
    ),
    "zone of no project": (
        aws_dns(zones=[ZONE]),
        "spec.dns.zones[0].project: is required, because the policy names no project",
    ),
    "aws elsewhere": (manifest(aws={}), "spec.aws: is for topology aws"),
    "backends in aws": (
        manifest(topology="aws", backends={"maxRatePerEndpoint": 1}),
        "spec.backends: is for topology gcp; members' load balancers are described in spec.aws",
    ),
    "check of backends in aws": (
        manifest(topology="aws", backends={"healthCheck": {"path": "/x"}}),
        "spec.backends: is for topology gcp",
    ),
    "protocol in aws": (
        manifest(topology="aws", backends={"protocol": "HTTPS"}),
        "spec.backends: is for topology gcp",
    ),
    "preferred in aws": (
        manifest(topology="aws", backends={"preferred": {}}),
        "spec.backends: is for topology gcp",
    ),
    "security policy in aws": (
        manifest(topology="aws", backends={"securityPolicy": "armor"}),
        "spec.backends: is for topology gcp",
    ),
    "rollout in aws": (
        manifest(topology="aws", rollout={"stepSeconds": 30}),
        "spec.rollout: is for topology gcp",
    ),
    "steps in aws": (
        manifest(topology="aws", rollout={"steps": [0.5]}),
        "spec.rollout: is for topology gcp",
    ),
    "tls in aws": (manifest(topology="aws", tls={"redirect": True}), "spec.tls: is for topology"),
    "ipv6 in aws": (
        manifest(topology="aws", addresses={"ipv6": True}),
        "spec.addresses: is for topology gcp",
    ),
    "bad project in aws": (manifest(topology="aws", project="Lab"), "spec.project: 'Lab' is not"),
    "damping elsewhere": (dns(damping={}), "spec.dns.damping: is for topology aws, where members'"),
    "probe elsewhere": (dns(healthCheck={}), "spec.dns.healthCheck: is for topology aws"),
    "spill elsewhere": (dns(spillBelow=0.5), "spec.dns.spillBelow: is for topology aws"),
    "no places": (
        aws_dns(routing="geolocation"),
        "spec.dns.places: is required by routing geolocation",
    ),
    "places elsewhere": (
        aws_dns(places=[_PLACE]),
        "spec.dns.places: stands beside routing latency; it is for geolocation",
    ),
    "no place for the rest": (
        places(("country:US", "us-east-1")),
        "spec.dns.places: needs country:*, or clients from elsewhere get no answer",
    ),
    "place twice": (
        places(("country:*", "a"), ("country:*", "b")),
        "spec.dns.places[1]: country:* is named twice",
    ),
    "location": (
        places(("country:*", "*"), ("planet:MARS", "a")),
        "spec.dns.places[1].location: 'planet:MARS' is not a location",
    ),
    "region of a place": (
        places(("country:*", "A")),
        "spec.dns.places[0].region: 'A' is not the name of a region",
    ),
    "no order": (aws_dns(routing="failover"), "spec.dns.order: is required by routing failover"),
    "empty order": (
        aws_dns(routing="failover", order=[]),
        "spec.dns.order: needs at least 1 item",
    ),
    "region twice": (
        aws_dns(routing="failover", order=["a", "a"]),
        "spec.dns.order[1]: a is named twice",
    ),
    "order elsewhere": (aws_dns(order=["a"]), "spec.dns.order: stands beside routing latency"),
    "probe": (probe(protocol="UDP"), "spec.dns.healthCheck.protocol: unknown protocol 'UDP'"),
    "probe of a port": (probe(port=0), "spec.dns.healthCheck.port: 0 is out of range: 1 to 65535"),
    "path of TCP": (
        probe(paths=["/"]),
        "spec.dns.healthCheck.paths: stands beside protocol TCP, which asks for no path",
    ),
    "no path of HTTP": (
        probe(protocol="HTTP", paths=[]),
        "spec.dns.healthCheck.paths: needs at least 1 item",
    ),
    "path of HTTP": (
        probe(protocol="HTTP", paths=["x"]),
        "spec.dns.healthCheck.paths[0]: 'x' is not an absolute path",
    ),
    "interval of a probe": (
        probe(intervalSeconds=20),
        "spec.dns.healthCheck.intervalSeconds: 20 is neither 10 nor 30",
    ),
    "spill": (aws_dns(spillBelow=2), "spec.dns.spillBelow: 2 is out of range: above 0 and"),
    "growth": (damping(growth=0.5), "spec.dns.damping.growth: 0.5 is less than 1"),
    "deadband": (damping(deadband=0), "spec.dns.damping.deadband: 0 is out of range"),
    "accelerator": (
        aws(accelerator="yes"),
        "spec.aws.accelerator: 'yes' is neither true nor false",
    ),
    "load balancer": (
        aws(loadBalancer="shared"),
        "spec.aws.loadBalancer: unknown load balancer 'shared'; known are dedicated, group",
    ),
    "group of one": (
        aws(group="shop"),
        "spec.aws.group: stands beside loadBalancer dedicated; it is for group",
    ),
    "name of a group": (
        aws(loadBalancer="group", group="Shop"),
        "spec.aws.group: 'Shop' is not the name of a group",
    ),
    "certificate": (
        aws(certificateArns=["arn:aws:iam::1:certificate/x"]),
        "spec.aws.certificateArns[0]: 'arn:aws:iam::1:certificate/x' is not the ARN",
    ),
    "ARN twice": (
        aws(certificateArns=[CERTIFICATE, CERTIFICATE]),
        f"spec.aws.certificateArns[1]: '{CERTIFICATE}' is named twice",
    ),
    "listener without protocol": (
        aws(listenPorts=[{"port": 80}]),
        "spec.aws.listenPorts[0].protocol: is required: one of HTTP, HTTPS",
    ),
    "listener without port": (
        aws(listenPorts=[{"protocol": "HTTP"}]),
        "spec.aws.listenPorts[0].port: is required: 1 to 65535",
    ),
    "port twice": (
        aws(listenPorts=[{"protocol": "HTTP", "port": 80}, {"protocol": "HTTPS", "port": 80}]),
        "spec.aws.listenPorts[1]: port 80 is named twice",
    ),
    "redirect to nothing": (
        aws(listenPorts=[{"protocol": "HTTP", "port": 443}], sslRedirect=443),
        "spec.aws.sslRedirect: 443 is no port of listenPorts with protocol HTTPS",
    ),
    "relative check": (
        aws(healthCheckPath="healthz"),
        "spec.aws.healthCheckPath: 'healthz' is not an absolute path",
    ),
    "no provider": (zone(provider=None), "spec.dns.zones[0].provider: is required"),
    "zone name": (zone(name="Example"), "spec.dns.zones[0].name: 'Example' is not the name"),
    "no zone name": (zone(name=None), "spec.dns.zones[0].name: is required"),
    "no domain": (zone(domain=None), "spec.dns.zones[0].domain: is required"),
    "final dot": (zone(domain="a.example."), "spec.dns.zones[0].domain: 'a.example.' ends with"),
    "upper case": (zone(domain="A.example"), "spec.dns.zones[0].domain: 'A.example' is not a"),
    "zone project": (zone(project="A"), "spec.dns.zones[0].project: 'A' is not the id"),
    "one domain twice": (
        dns(zones=[ZONE, {**ZONE, "name": "b"}]),
        "spec.dns.zones[1]: a second public zone for example.com",
    ),
    "visibility": (zone(visibility="hidden"), "spec.dns.zones[0].visibility: unknown visibility"),
    "known routing": (
        dns(routing="weighted"),
        "spec.dns.routing: routing weighted is for topology aws; one global address is simple",
    ),
    "unknown routing": (dns(routing="round"), "spec.dns.routing: unknown routing 'round'"),
    "ttl 0": (dns(ttlSeconds=0), "spec.dns.ttlSeconds: 0 is out of range: 1 to 86400"),
    "ttl a day and more": (dns(ttlSeconds=86401), "spec.dns.ttlSeconds: 86401 is out"),
    "deletion": (deletion(mode="never"), "spec.deletion.mode: unknown mode 'never'"),
    "grace": (deletion(graceSeconds=-1), "spec.deletion.graceSeconds: -1 is out of range: 0"),
    "drain": (deletion(drainSeconds=86401), "spec.deletion.drainSeconds: 86401 is out"),
    "drain with fractions": (deletion(drainSeconds=1.5), "spec.deletion.drainSeconds: 1.5 is not"),
}
