"""
The files beside HAProxy's configuration: all that users wrote, as rows of a key and a value.

`render` looks things up here by ids; `routing`, `checks` and `regions` check each character.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localcloud.dataplane.haproxy.pools import Service
from localcloud.dataplane.haproxy.regions import ClientRegion
from localcloud.dataplane.haproxy.routing import Action, Routes
from localcloud.dataplane.haproxy.tls import Tls

CLIENTS = "clients.map"
ACTIONS = ("service", "abort", "share", "code", "scheme", "location_host", "location_path", "query")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontend:
    """One forwarding rule: where it is bound and where it leads."""

    name: str
    bind: str
    routes: Routes
    tls: Tls | None = None

    @property
    def scheme(self) -> str:
        """Of the requests that arrive here."""
        return "https" if self.tls else "http"


def files(
    frontends: Sequence[Frontend],
    services: Mapping[str, Service],
    clients: Sequence[ClientRegion],
) -> dict[str, str]:
    """Map files, which exist even when empty for HAProxy insists on that, and certificates."""
    maps: dict[str, dict[str, str]] = {CLIENTS: {c.network: c.name for c in clients}}
    maps |= {f"actions.{column}": {} for column in ACTIONS}
    for frontend in frontends:
        routes = frontend.routes
        maps[f"{routes.name}.hosts"] = routes.hosts
        maps[f"{routes.name}.suffixes"] = routes.suffixes
        maps[f"{routes.name}.paths"] = routes.paths
        maps[f"{routes.name}.prefixes"] = routes.prefixes
        for action in routes.actions.values():
            for column, value in _columns(action, services).items():
                maps[f"actions.{column}"][action.name] = value
    checks = {service.name: service.check for service in services.values() if service.check}
    maps["checks.path"] = {name: check.path for name, check in checks.items()}
    maps["checks.host"] = {name: check.host for name, check in checks.items() if check.host}
    texts = {
        name: "".join(f"{key} {value}\n" for key, value in rows.items())
        for name, rows in maps.items()
    }
    for frontend in frontends:
        texts |= frontend.tls.files if frontend.tls else {}
    return texts


def _columns(action: Action, services: Mapping[str, Service]) -> dict[str, str]:
    columns = {}
    if action.service in services:
        columns["service"] = services[action.service].name
    if action.abort_status:
        columns["abort"] = str(action.abort_status)
        columns["share"] = str(action.abort_per_million)
    redirect = action.redirect
    if redirect:
        columns["code"] = str(redirect.code)
        columns |= {"scheme": "https"} if redirect.https else {}
        columns |= {"location_host": redirect.host} if redirect.host else {}
        columns |= {"location_path": redirect.path} if redirect.path else {}
        columns |= {"query": "strip"} if redirect.strip_query else {}
    return columns
