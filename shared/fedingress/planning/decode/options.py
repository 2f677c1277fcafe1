"""
From `spec.backends` of a FederationPolicy to the options of backend services.

Called by `planning.decode.policies`; what cannot stand together is a fault here, because GCE would
refuse the backend service of every Ingress for it.

Source: compute v1 BackendService; documentation of custom headers, Cloud CDN and IAP.
"""

import re
from typing import Final

from fedingress.domain.options import BackendOptions
from fedingress.planning.decode.reading import Cell
from fedingress.planning.decode.words import GCE_NAME, quoted

PROTOCOLS: Final = ("HTTP", "HTTPS", "HTTP2")
AFFINITIES: Final = ("NONE", "CLIENT_IP", "GENERATED_COOKIE")
FIELDS: Final = (
    *("protocol", "sessionAffinity", "cdn", "iap", "requestHeaders", "logging"),
    "securityPolicy",
)
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}:[\x20-\x7e]{0,1024}")
_MOST_HEADERS: Final = 16
_RESERVED: Final = re.compile(
    r"(x-google|x-goog-|x-gfe|x-amz-).*|host|authority|x-user-ip|cdn-loop|keep-alive|te|trailer|"
    r"transfer-encoding|connection|upgrade",
    re.IGNORECASE,
)
_TWO_WEEKS: Final = 1209600


def options(backends: Cell) -> BackendOptions:
    """The options in `spec.backends`; None for each that is not written."""
    affinity, cookie_seconds = _affinity(backends.child("sessionAffinity"))
    cdn, iap = backends.child("cdn"), backends.child("iap")
    protocol = backends.child("protocol")
    found = BackendOptions(
        protocol=protocol.choice(PROTOCOLS, noun="protocol") if protocol.given else None,
        affinity=affinity,
        cookie_seconds=cookie_seconds,
        cdn=_enabled(cdn),
        iap=_enabled(iap),
        request_headers=_headers(backends.child("requestHeaders")),
        log_share=_log_share(backends.child("logging")),
        security_policy=backends.child("securityPolicy").text(
            like=GCE_NAME, noun="the name of a security policy"
        ),
    )
    if found.cdn and found.iap:
        iap.fault("stands beside cdn: a cache cannot ask who somebody is; enable one of them")
    return found


def _enabled(cell: Cell) -> bool | None:
    if not cell.given:
        return None
    cell.fields("enabled")
    return _switch(cell.child("enabled"))


def _affinity(cell: Cell) -> tuple[str | None, int | None]:
    if not cell.given:
        return None, None
    cell.fields("type", "cookieSeconds")
    if not cell.child("type").given:
        cell.child("type").fault(f"is required: one of {', '.join(AFFINITIES)}")
    kind = cell.child("type").choice(AFFINITIES, "NONE", noun="session affinity")
    seconds = cell.child("cookieSeconds")
    if seconds.given and kind != "GENERATED_COOKIE":
        seconds.fault(f"stands beside type {kind}, which has no cookie")
    found = seconds.integer(0, 0, _TWO_WEEKS)
    return kind, found if kind == "GENERATED_COOKIE" else None


def _headers(cell: Cell) -> tuple[str, ...] | None:
    if not cell.given:
        return None
    found = []
    for item in cell.items(most=_MOST_HEADERS):
        text = item.required(like=_HEADER, noun="a header written Name:value")
        name = text.partition(":")[0]
        if name and _RESERVED.fullmatch(name):
            item.fault(f"{quoted(name)} is the load balancer's own header")
        found.append(text)
    return tuple(found)


def _log_share(cell: Cell) -> float | None:
    if not cell.given:
        return None
    cell.fields("enabled", "sampleRate")
    rate = cell.child("sampleRate").number(1)
    return (1.0 if rate is None else rate) if _switch(cell.child("enabled")) else 0.0


def _switch(cell: Cell) -> bool:
    if not cell.given:
        cell.fault("is required: true or false")
    return cell.boolean(default=False)
