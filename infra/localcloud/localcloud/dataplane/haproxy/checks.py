"""
Health checks of backend services, as HAProxy performs them for the lab.

Request paths and hosts are user text: checked here, and only ever put into map files.

Source: compute v1 HealthCheck (defaults: every 5 s, timeout 5 s, thresholds 2 and 2, path ``/``,
host the endpoint's address, a fixed port of 80). An answer is healthy when its status is 200.

HTTPS checks speak HTTP/1.1 and HTTP2 ones HTTP/2, both over TLS; neither looks at the certificate.

Not modelled: gRPC and SSL checks, named ports, ``response``, PROXY headers.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from localcloud.dataplane.haproxy.snapshot import Resource, Snapshot

PORTS = range(1, 65536)
MINIMUM_CHECK_MILLISECONDS = 100

_PLAIN = re.compile(r"[!-~]{1,1024}")
_KINDS = {
    "HTTP": "httpHealthCheck",
    "HTTPS": "httpsHealthCheck",
    "HTTP2": "http2HealthCheck",
    "TCP": "tcpHealthCheck",
}
_SECURE = frozenset({"HTTPS", "HTTP2"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A health check; *path* and *host* are user text for map files. *port* 0: the serving port."""

    kind: str
    path: str
    host: str
    port: int
    interval_milliseconds: int
    timeout_milliseconds: int
    rise: int
    fall: int
    secure: bool = False
    http2: bool = False


def check_of(
    service: Resource, snapshot: Snapshot, factor: float, problems: list[str]
) -> Check | None:
    """
    The service's first health check, or None when it has none that can be served.

    Args:
        service: As compute returns it.
        snapshot: Where the health check is.
        factor: Shortens interval and timeout, down to 0.1 s.
        problems: Gets the reason for None.
    """
    references = service.get("healthChecks") or ()
    resource = snapshot.get(references[0]) if references else None
    if resource is None:
        problems.append("has no health check")
        return None
    kind = resource.get("type", "HTTP")
    details: Mapping[str, object] = resource.get(_KINDS.get(kind, ""), {})
    request_path = details.get("requestPath") or "/"
    host = details.get("host") or ""
    fixed = details.get("portSpecification", "USE_FIXED_PORT") == "USE_FIXED_PORT"
    port = whole(details.get("port"), 80) if fixed else 0
    if kind not in _KINDS or (fixed and port not in PORTS):
        problems.append(f"health check {_quoted(kind)} on port {port} is not modelled")
        return None
    if not _clean(request_path, "/") or (host and not _clean(host, "")):
        problems.append(f"health check of {_quoted(request_path)} at {_quoted(host)} is refused")
        return None
    return Check(
        kind="HTTP" if kind in _SECURE else kind,
        secure=kind in _SECURE,
        http2=kind == "HTTP2",
        path=str(request_path),
        host=str(host),
        port=port,
        interval_milliseconds=_milliseconds(resource.get("checkIntervalSec"), factor),
        timeout_milliseconds=_milliseconds(resource.get("timeoutSec"), factor),
        rise=max(1, whole(resource.get("healthyThreshold"), 2)),
        fall=max(1, whole(resource.get("unhealthyThreshold"), 2)),
    )


def _clean(text: object, start: str) -> bool:
    return isinstance(text, str) and bool(_PLAIN.fullmatch(text)) and text.startswith(start)


def _milliseconds(seconds: object, factor: float) -> int:
    return max(MINIMUM_CHECK_MILLISECONDS, round(whole(seconds, 5) * 1000 * factor))


def whole(value: object, default: int) -> int:
    """An integer field; compute also writes 64-bit ones as strings."""
    try:
        return int(str(value)) if value is not None else default
    except ValueError:
        return default


def _quoted(value: object) -> str:
    return json.dumps(value, default=str)[:256]
