"""
What GCE refuses of the backends of a backend service and of their groups, for the twin in memory.

Called by `graph_rules`.

Source: compute v1 Backend; documentation of backend services, "Balancing mode". The sentence on
modes that differ is the one that GKE's and kubemci's users report.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fedingress.domain.graph import GlobalResource, Kind

INSTANCE_GROUPS: Final = Kind.INSTANCE_GROUP.value
OTHER_MODE: Final = "incompatible balancing_mode"
NAME: Final = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
LAST_PORT: Final = 65535
_LEAST_SCALER: Final = 0.1

Resources = Mapping[str, GlobalResource]
"""By path."""


def invalid(field: str, value: object, text: str) -> str:
    """GCE's sentence for a field that it refuses."""
    return f"Invalid value for field 'resource.{field}': '{value}'. {text}"


def backend(field: str, entry: Mapping[str, Any], *, lone: bool) -> Iterator[str]:
    """What is wrong with one backend of a backend service; *lone*: it has no other."""
    if not entry.get("group"):
        yield f"Required field 'resource.{field}.group' not specified"
    yield from _measure(field, entry)
    if entry.get("preference", "DEFAULT") not in {"DEFAULT", "PREFERRED"}:
        yield invalid(f"{field}.preference", entry["preference"], "Must be DEFAULT or PREFERRED")
    scaler = entry.get("capacityScaler", 1)
    if scaler != 0 and not _LEAST_SCALER <= scaler <= 1:
        yield invalid(f"{field}.capacityScaler", scaler, "Must be 0 or between 0.1 and 1")
    if scaler == 0 and lone:
        yield invalid(f"{field}.capacityScaler", 0, "A lone backend cannot be drained")


def _measure(field: str, backend: Mapping[str, Any]) -> Iterator[str]:
    """RATE needs a rate of the kind that its group counts; UTILIZATION is for nodes only."""
    grouped, mode = collection(backend) == INSTANCE_GROUPS, backend.get("balancingMode")
    rate, other = "maxRatePerEndpoint", "maxRatePerInstance"
    if grouped:
        rate, other = other, rate
    if other in backend:
        yield invalid(f"{field}.{other}", backend[other], f"This kind of group takes {rate}")
    if mode == "RATE":
        if backend.get(rate, 0) <= 0:
            yield invalid(f"{field}.{rate}", backend.get(rate), "RATE needs a rate")
        if "maxUtilization" in backend:
            yield invalid(f"{field}.maxUtilization", backend["maxUtilization"], "Not with RATE")
    elif mode == "UTILIZATION" and grouped:
        if not 0 <= backend.get("maxUtilization", 0.8) <= 1:
            yield invalid(f"{field}.maxUtilization", backend["maxUtilization"], "Not 0 to 1")
    else:
        yield invalid(f"{field}.balancingMode", mode, "Must be RATE, or UTILIZATION of nodes")


def collection(backend: Mapping[str, Any]) -> str:
    """The kind of group that a backend refers to."""
    words = str(backend.get("group")).split("/")
    return words[-2] if len(words) > 1 else ""


def other_modes(
    item: GlobalResource, backend: Mapping[str, Any], others: Resources
) -> Iterator[str]:
    """An instance group has one balancing mode, whatever refers to it."""
    if collection(backend) != INSTANCE_GROUPS:
        return
    for other in others.values():
        for entry in other.spec.get("backends") or () if other.kind is item.kind else ():
            same = entry.get("group") == backend.get("group")
            if same and entry.get("balancingMode") != backend.get("balancingMode"):
                yield (
                    f"Validation failed for instance group '{backend['group']}': backend services "
                    f"'{item.path}' and '{other.path}' point to the same instance group but the "
                    f"backends have {OTHER_MODE}. Values should be the same."
                )


def instance_group(item: GlobalResource, _: Resources) -> Iterator[str]:
    """What is wrong with the named ports of an instance group."""
    for port in item.spec.get("namedPorts") or ():
        if not NAME.fullmatch(str(port.get("name"))):
            yield invalid("namedPorts", port.get("name"), f"Must match '{NAME.pattern}'")
        if not 0 < int(port.get("port", 0)) <= LAST_PORT:
            yield invalid("namedPorts", port.get("port"), "Must be a port from 1 to 65535")
