"""
The security policy of Cloud Armor on each backend service: named by the policy, kept by others.

Called by `planning.backends`. GCE takes it by a call of its own and only for a backend service that
exists, so a new one carries its mark first, then gets the security policy, and only then requests.

Source: compute v1, backendServices.setSecurityPolicy; Cloud Armor, "Security policies" (types).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fedingress.domain.graph import GlobalResource, Kind, Mark
from fedingress.planning.groups import Problem

FIELD: Final = "securityPolicy"
_FOR_BACKENDS: Final = "CLOUD_ARMOR"


def path(project: str, name: str) -> str:
    """The reference to a security policy."""
    return f"projects/{project}/global/{Kind.SECURITY_POLICY.value}/{name}"


def problem(project: str, name: str, observed: Sequence[GlobalResource]) -> tuple[Problem, ...]:
    """Why the security policy *name*, empty for none, cannot be put on a backend service."""
    if not name:
        return ()
    wanted = path(project, name)
    found = next((item for item in observed if item.path == wanted), None)
    if found is None:
        text = f"project {project} has no global security policy {name}"
    elif (kind := found.spec.get("type", _FOR_BACKENDS)) != _FOR_BACKENDS:
        text = f"security policy {name} is of type {kind}; a backend service takes {_FOR_BACKENDS}"
    else:
        return ()
    return (("SecurityPolicyMissing", f"{text}; what stands stays as it is"),)


def armed(
    service: GlobalResource,
    before: GlobalResource | None,
    name: str,
    observed: Sequence[GlobalResource],
) -> GlobalResource:
    """
    *service* as it shall be next: its mark names what we put there before it is put there.

    Args:
        service: As desired otherwise.
        before: As observed, or None.
        name: Of the security policy that it shall have; empty for none of ours.
        observed: The graph, with the security policy if it exists.
    """
    mark = service.mark
    put = before.mark.security_policy if before and before.mark else ""
    if mark is None or (not name and not put):
        return service
    if name and not problem(service.project, name, observed):
        if before is None or put != name:
            return _marked(service, mark, name)
        return _marked(service, mark, name, **{FIELD: path(service.project, name)})
    stands = before.spec.get(FIELD) if before else None
    if not name and stands == path(service.project, put):
        return _marked(service, mark, put, **{FIELD: None})
    # Somebody has put another one there, or it is missing: that is as it stands.
    return _marked(service, mark, put if name else "")


def _marked(service: GlobalResource, mark: Mark, name: str, **fields: str | None) -> GlobalResource:
    spec: Mapping[str, Any] = {**service.spec, **fields}
    return replace(service, spec=spec, mark=replace(mark, security_policy=name))


def bare(
    wanted: Iterable[GlobalResource], observed: Iterable[GlobalResource], name: str
) -> tuple[str, ...]:
    """Labels of backend services that shall have the security policy *name* and do not have it."""
    have = {item.path: item.spec.get(FIELD) for item in observed}
    return tuple(
        item.label
        for item in wanted
        if name
        and item.kind is Kind.BACKEND_SERVICE
        and have.get(item.path) != path(item.project, name)
    )
