"""Options of a policy as fields of a backend service."""

from typing import Any

from fedingress.domain.options import BackendOptions


def fields(options: BackendOptions) -> dict[str, Any]:
    """
    The compute v1 fields that *options* say something of; all others are not ours.

    Source: compute v1 BackendService.
    """
    found: dict[str, Any] = {}
    if options.affinity is not None:
        found["sessionAffinity"] = options.affinity
    if options.cookie_seconds is not None:
        found["affinityCookieTtlSec"] = options.cookie_seconds
    if options.cdn is not None:
        found["enableCDN"] = options.cdn
    if options.iap is not None:
        found["iap"] = {"enabled": options.iap}
    if options.request_headers is not None:
        found["customRequestHeaders"] = list(options.request_headers)
    if options.log_share is not None:
        on = options.log_share > 0
        found["logConfig"] = {"enable": True, "sampleRate": options.log_share} if on else _NO_LOG
    return found


_NO_LOG = {"enable": False}
