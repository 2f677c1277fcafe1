"""
Health checks: one protocol block that matches the type, numbers in range, source regions.

Source: compute v1 ``HealthCheck`` (``sourceRegions``: exactly three, in global ones only, and what
they forbid).
"""

from localcloud.gcp.errors import invalid
from localcloud.gcp.places import REGIONS
from localcloud.gcp.resources import Resources
from localcloud.gcp.rules.draft import Draft

_BLOCKS = {
    "HTTP": "httpHealthCheck",
    "HTTPS": "httpsHealthCheck",
    "HTTP2": "http2HealthCheck",
    "TCP": "tcpHealthCheck",
    "SSL": "sslHealthCheck",
    "GRPC": "grpcHealthCheck",
    "GRPC_WITH_TLS": "grpcTlsHealthCheck",
}
_DEFAULT_PORTS = {"HTTP": 80, "HTTPS": 443, "HTTP2": 443, "TCP": 80, "SSL": 443}
_HTTP_LIKE = frozenset({"HTTP", "HTTPS", "HTTP2"})
_FROM_REGIONS = frozenset({"HTTP", "HTTPS", "TCP"})
_SOURCE_REGIONS = 3
_LEAST_SECONDS_FROM_REGIONS = 30
_LONGEST_SECONDS = 300
_HIGHEST_THRESHOLD = 10


def check(draft: Draft, _resources: Resources) -> None:
    """
    Refuse what Compute Engine refuses; fill in the defaults of the protocol block.

    Raises:
        GoogleError: 400.
    """
    body = draft.body
    for name in ("checkIntervalSec", "timeoutSec"):
        draft.within(name, 1, _LONGEST_SECONDS)
    for name in ("healthyThreshold", "unhealthyThreshold"):
        draft.within(name, 1, _HIGHEST_THRESHOLD)
    if body["timeoutSec"] > body["checkIntervalSec"]:
        raise invalid(
            "resource.timeoutSec",
            body["timeoutSec"],
            "Must be less than or equal to checkIntervalSec.",
        )
    kind = body["type"]
    if kind not in _BLOCKS:
        raise invalid("resource.type", kind, f"Acceptable values are {sorted(_BLOCKS)}")
    for other, name in _BLOCKS.items():
        if other != kind and body.get(name) is not None:
            raise invalid(f"resource.{name}", "", f"Cannot be set for a health check of {kind}.")
    if body.get("sourceRegions"):
        _source_regions(draft, kind)
    _block(draft, kind)


def _source_regions(draft: Draft, kind: str) -> None:
    body = draft.body
    regions = body["sourceRegions"]
    field = "resource.sourceRegions"
    if len(regions) != _SOURCE_REGIONS or len(set(regions)) != _SOURCE_REGIONS:
        raise invalid(field, regions, "Exactly 3 regions must be specified.")
    unknown = [each for each in regions if each not in REGIONS]
    if unknown:
        raise invalid(field, unknown[0], "Must be the name of a region.")
    if kind not in _FROM_REGIONS:
        raise invalid("resource.type", kind, "Not supported with sourceRegions.")
    if body["checkIntervalSec"] < _LEAST_SECONDS_FROM_REGIONS:
        why = "Must be at least 30 with sourceRegions."
        raise invalid("resource.checkIntervalSec", body["checkIntervalSec"], why)
    block = body.get(_BLOCKS[kind]) or {}
    for name in ("proxyHeader", "request"):
        if block.get(name) not in (None, "", "NONE"):
            at = f"resource.{_BLOCKS[kind]}.{name}"
            raise invalid(at, block[name], "Not supported with sourceRegions.")


def _block(draft: Draft, kind: str) -> None:
    name = _BLOCKS[kind]
    at = f"resource.{name}"
    block = draft.body.setdefault(name, {})
    serving = block.get("portSpecification") == "USE_SERVING_PORT"
    if serving and block.get("port") is not None:
        raise invalid(f"{at}.port", block["port"], "Cannot be set with USE_SERVING_PORT.")
    if not serving and "portName" not in block and kind in _DEFAULT_PORTS:
        block.setdefault("port", _DEFAULT_PORTS[kind])
    port = block.get("port")
    if port is not None and not 1 <= port <= 65535:  # noqa: PLR2004 - TCP
        raise invalid(f"{at}.port", port, "Must be between 1 and 65535.")
    if kind in _HTTP_LIKE:
        block.setdefault("proxyHeader", "NONE")
        path = block.setdefault("requestPath", "/")
        if not path.startswith("/"):
            raise invalid(f"{at}.requestPath", path, "Must start with '/'.")
