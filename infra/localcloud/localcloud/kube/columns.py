"""
The columns of built-in kinds, and how one cell of them is filled.

Source: kubernetes ``pkg/printers/internalversion/printers.go``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Cell = Callable[[Mapping[str, Any]], Any]

_NONE, UNKNOWN, _UNSET = "<none>", "<unknown>", "<unset>"

# How ages are rounded (k8s.io/apimachinery HumanDuration): a unit is shown with the next smaller
# one up to so many, then alone up to so many, then the next larger one is used.
_MANY_SECONDS = 120
_AGE_STEPS = (
    (("m", 60), ("s", 1), 10, 180),
    (("h", 3600), ("m", 60), 8, 48),
    (("d", 86400), ("h", 3600), 8, 36500),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: a heading, how to fill it, and whether only ``-o wide`` shows it."""

    name: str
    cell: Cell
    kind: str = "string"
    wide: bool = False
    description: str = ""

    def json(self) -> dict[str, Any]:
        """Give the column definition."""
        return {
            "name": self.name,
            "type": self.kind,
            "format": "name" if self.name == "Name" else "",
            "description": self.description,
            "priority": 1 if self.wide else 0,
        }


def age(text: str | None) -> str:
    """Give the time since *text* (RFC 3339) as kubectl shows it: ``5s``, ``3m20s``, ``2d4h``."""
    if not text:
        return UNKNOWN
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()))
    if seconds < _MANY_SECONDS:
        return f"{seconds}s"
    for (unit, size), (small, part), both, alone in _AGE_STEPS:
        if seconds < both * size:
            rest = seconds % size // part
            return f"{seconds // size}{unit}" + (f"{rest}{small}" if rest else "")
        if seconds < alone * size:
            return f"{seconds // size}{unit}"
    return f"{seconds // 86400}d"


def at(*path: str, absent: Any = "") -> Cell:
    """Give a cell that shows the value at *path*."""

    def cell(obj: Mapping[str, Any]) -> Any:
        value: Any = obj
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return absent if value in (None, "") else value

    return cell


def _age(obj: Mapping[str, Any]) -> str:
    return age(obj["metadata"].get("creationTimestamp"))


def _count(*names: str) -> Cell:
    return lambda obj: sum(len(obj.get(name) or ()) for name in names)


def _hosts(obj: Mapping[str, Any]) -> str:
    rules = (obj.get("spec") or {}).get("rules") or ()
    return _some([rule["host"] for rule in rules if rule.get("host")]) or "*"


def _some(words: Sequence[str]) -> str:
    more = f" + {len(words) - 3} more..." if len(words) > 3 else ""  # noqa: PLR2004 - as kubectl
    return ",".join(words[:3]) + more


def _address(obj: Mapping[str, Any]) -> str:
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    return ",".join(x.get("ip") or x.get("hostname", "") for x in balancer.get("ingress") or ())


def _external_ip(obj: Mapping[str, Any]) -> str:
    spec = obj.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    own = ",".join(spec.get("externalIPs") or ())
    if spec.get("type") == "LoadBalancer":
        return ",".join(x for x in (_address(obj), own) if x) or "<pending>"
    return own or _NONE


def _service_ports(obj: Mapping[str, Any]) -> str:
    ports = (obj.get("spec") or {}).get("ports") or ()
    shown = (
        f"{p['port']}{':' + str(p['nodePort']) if p.get('nodePort') else ''}/{p['protocol']}"
        for p in ports
    )
    return ",".join(shown) or _NONE


def _selector(*path: str) -> Cell:
    def cell(obj: Mapping[str, Any]) -> str:
        pairs = at(*path, absent={})(obj)
        return ",".join(f"{key}={value}" for key, value in sorted(pairs.items())) or _NONE

    return cell


def _pod_status(obj: Mapping[str, Any]) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(at("status", "phase", absent=UNKNOWN)(obj))


def _pod_ready(obj: Mapping[str, Any]) -> str:
    statuses = at("status", "containerStatuses", absent=())(obj)
    total = len((obj.get("spec") or {}).get("containers") or ())
    return f"{sum(bool(s.get('ready')) for s in statuses)}/{total}"


def _restarts(obj: Mapping[str, Any]) -> int:
    return sum(s.get("restartCount", 0) for s in at("status", "containerStatuses", absent=())(obj))


def _node_status(obj: Mapping[str, Any]) -> str:
    conditions = at("status", "conditions", absent=())(obj)
    ready = next((c["status"] for c in conditions if c.get("type") == "Ready"), "Unknown")
    words = {"True": "Ready", "False": "NotReady"}
    cordoned = ",SchedulingDisabled" if (obj.get("spec") or {}).get("unschedulable") else ""
    return words.get(ready, "Unknown") + cordoned


def _node_address(kind: str) -> Cell:
    def cell(obj: Mapping[str, Any]) -> str:
        addresses = at("status", "addresses", absent=())(obj)
        return next((str(a["address"]) for a in addresses if a.get("type") == kind), _NONE)

    return cell


def _event_object(obj: Mapping[str, Any]) -> str:
    involved = obj.get("involvedObject") or {}
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


def _event_age(obj: Mapping[str, Any]) -> str:
    return age(obj.get("lastTimestamp") or obj.get("eventTime") or obj.get("firstTimestamp"))


def _slice_ports(obj: Mapping[str, Any]) -> str:
    return _some([str(p.get("port", "*")) for p in obj.get("ports") or ()]) or _UNSET


def _slice_addresses(obj: Mapping[str, Any]) -> str:
    return (
        _some([a for e in obj.get("endpoints") or () for a in e.get("addresses") or ()]) or _UNSET
    )


def _ready_of(obj: Mapping[str, Any]) -> str:
    status, spec = obj.get("status") or {}, obj.get("spec") or {}
    return f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"


def _ingress_ports(obj: Mapping[str, Any]) -> str:
    return "80, 443" if (obj.get("spec") or {}).get("tls") else "80"


def _number(*path: str) -> Cell:
    return at(*path, absent=0)


def _columns(*entries: tuple[str, Cell] | tuple[str, Cell, str]) -> tuple[Column, ...]:
    return tuple(Column(name=e[0], cell=e[1], wide=len(e) > 2) for e in entries)  # noqa: PLR2004


_WIDE = "wide"
_AGE = ("Age", _age)

BUILTIN: Mapping[str, tuple[Column, ...]] = {
    "ConfigMap": _columns(("Data", _count("data", "binaryData")), _AGE),
    "CustomResourceDefinition": _columns(
        ("Created At", at("metadata", "creationTimestamp")),
    ),
    "Deployment": _columns(
        ("Ready", _ready_of),
        ("Up-to-date", _number("status", "updatedReplicas")),
        ("Available", _number("status", "availableReplicas")),
        _AGE,
    ),
    "EndpointSlice": _columns(
        ("AddressType", at("addressType")),
        ("Ports", _slice_ports),
        ("Endpoints", _slice_addresses),
        _AGE,
    ),
    "Event": (
        Column(name="Last Seen", cell=_event_age),
        Column(name="Type", cell=at("type")),
        Column(name="Reason", cell=at("reason")),
        Column(name="Object", cell=_event_object),
        Column(name="Source", cell=at("source", "component"), wide=True),
        Column(name="Message", cell=at("message")),
        Column(name="Name", cell=at("metadata", "name"), wide=True),
    ),
    "Ingress": _columns(
        ("Class", at("spec", "ingressClassName", absent=_NONE)),
        ("Hosts", _hosts),
        ("Address", _address),
        ("Ports", _ingress_ports),
        _AGE,
    ),
    "IngressClass": _columns(
        ("Controller", at("spec", "controller")),
        ("Parameters", at("spec", "parameters", "name", absent=_NONE)),
        _AGE,
    ),
    "Lease": _columns(("Holder", at("spec", "holderIdentity")), _AGE),
    "Namespace": _columns(("Status", at("status", "phase")), _AGE),
    "Node": _columns(
        ("Status", _node_status),
        ("Roles", lambda _obj: _NONE),
        _AGE,
        ("Version", at("status", "nodeInfo", "kubeletVersion")),
        ("Internal-IP", _node_address("InternalIP"), _WIDE),
        ("External-IP", _node_address("ExternalIP"), _WIDE),
    ),
    "Pod": _columns(
        ("Ready", _pod_ready),
        ("Status", _pod_status),
        ("Restarts", _restarts),
        _AGE,
        ("IP", at("status", "podIP", absent=_NONE), _WIDE),
        ("Node", at("spec", "nodeName", absent=_NONE), _WIDE),
    ),
    "Secret": _columns(("Type", at("type")), ("Data", _count("data")), _AGE),
    "Service": _columns(
        ("Type", at("spec", "type")),
        ("Cluster-IP", at("spec", "clusterIP", absent=_NONE)),
        ("External-IP", _external_ip),
        ("Port(s)", _service_ports),
        _AGE,
        ("Selector", _selector("spec", "selector"), _WIDE),
    ),
}
NAME = Column(name="Name", cell=at("metadata", "name"))
PLAIN = (NAME, *_columns(_AGE))
