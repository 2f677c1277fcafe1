"""
What is checked of an object before it is stored, whatever the request was.

`complete` holds for all collections; `apply_rules` leads to the module in `rules` that knows the
object's own.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.gcp.errors import invalid, not_ready, required
from localcloud.gcp.kinds import COLLECTIONS
from localcloud.gcp.operations import Operations
from localcloud.gcp.references import BASE, resolve
from localcloud.gcp.resources import Object, Resources
from localcloud.gcp.rules import (
    backend_services,
    certificates,
    frontends,
    health_checks,
    instance_groups,
    others,
    url_maps,
)
from localcloud.gcp.rules.draft import Draft

Rule = Callable[[Draft, Resources], None]

_LONGEST_DESCRIPTION = 2048
_RULES: Mapping[str, Rule] = {
    "backendServices": backend_services.check,
    "firewalls": others.firewall,
    "healthChecks": health_checks.check,
    "instanceGroups": instance_groups.check,
    "networkEndpointGroups": others.group,
    "sslCertificates": certificates.certificate,
    "sslPolicies": certificates.policy,
    "targetHttpProxies": frontends.proxy,
    "targetHttpsProxies": frontends.proxy,
    "urlMaps": url_maps.check,
}


def apply_rules(draft: Draft, resources: Resources) -> None:
    """
    Refuse what the object's collection refuses; fill in defaults that depend on other fields.

    Raises:
        GoogleError: 400.
    """
    rule = _RULES.get(draft.path.split("/")[-2])
    if rule is not None:
        rule(draft, resources)


def complete(resources: Resources, operations: Operations, path: str, body: Object) -> Object:
    """
    Give *body* with every reference in full and cleared fields gone.

    Raises:
        GoogleError: 400 for a missing field, a description that is too long, a reference to what
            is not there or not ready.
    """
    collection, project = path.split("/")[-2], path.split("/")[1]
    present = {name: value for name, value in body.items() if value is not None}
    description = str(present.get("description", ""))
    if len(description) > _LONGEST_DESCRIPTION:
        why = f"Must be at most {_LONGEST_DESCRIPTION} characters long."
        raise invalid("resource.description", description[:64] + "...", why)
    for name in COLLECTIONS[collection].required:
        if present.get(name) in (None, ""):
            raise required(f"resource.{name}")
    resolved, found = resolve(collection, project, present)
    for reference in found:
        if resources.get(reference.path) is None:
            noun = COLLECTIONS[reference.collection].kind
            why = f"The referenced {noun} resource cannot be found."
            raise invalid(reference.field, BASE + reference.path, why)
        if operations.coming_or_going(reference.path):
            raise not_ready(reference.path)
    return resolved


def merge(observed: Mapping[str, Any], patch: Mapping[str, Any]) -> Object:
    """Give *observed* with the RFC 7396 merge patch *patch* applied."""
    merged = dict(observed)
    for name, value in patch.items():
        before = merged.get(name)
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = merge(before if isinstance(before, dict) else {}, value)
        else:
            merged[name] = copy.deepcopy(value)
    return merged
