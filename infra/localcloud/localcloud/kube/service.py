"""
Services: defaults, cluster addresses and node ports, and what ``v1`` refuses.

Not modelled: dual stack, load balancer classes, ``healthCheckNodePort``, one node port for two
protocols.

Source: kubernetes ``pkg/apis/core/v1/defaults.go``, ``pkg/apis/core/validation`` and
``pkg/registry/core/service``.
"""

from collections.abc import Mapping
from typing import Any

from localcloud.kube.errors import (
    Causes,
    value_duplicate,
    value_forbidden,
    value_invalid,
    value_required,
    value_unsupported,
)
from localcloud.kube.names import label_fault, labels_causes, port_name_fault
from localcloud.kube.store import DELETED, Change

_TYPES = frozenset({"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"})
_PROTOCOLS = frozenset({"TCP", "UDP", "SCTP"})
_WITH_NODE_PORTS = frozenset({"NodePort", "LoadBalancer"})
_FIRST_NODE_PORT, _LAST_NODE_PORT = 30000, 32767
_HEADLESS = "None"
_POLICIES = frozenset({"Cluster", "Local"})


class ServiceAddresses:
    """The cluster IPs and node ports of one cluster's Services."""

    def __init__(self, block: str) -> None:
        """
        Give out addresses of *block*.

        Args:
            block: The first two or three numbers of the addresses; of a block of two numbers the
                part from ``.240.1`` to ``.255.254`` is used, so that pods can have the rest.
        """
        self._block = block
        self._taken: dict[str | int, str] = {}
        self._next_ip = 0
        self._next_port = _FIRST_NODE_PORT

    def follow(self, change: Change) -> None:
        """Learn from a change of a Service; an index of the store."""
        if change.before is not None:
            for value in _values(change.before.obj):
                self._taken.pop(value, None)
        if change.type != DELETED:
            for value in _values(change.entry.obj):
                self._taken[value] = change.entry.obj["metadata"]["uid"]

    def allocate(self, obj: dict[str, Any], old: Mapping[str, Any] | None) -> None:
        """Fill in the addresses that a Service needs and does not have; keep those it had."""
        spec = obj.get("spec")
        if not isinstance(spec, dict):
            return
        before = (old or {}).get("spec") or {}
        if spec.get("type") == "ExternalName":
            for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                spec.pop(key, None)
            return
        if not spec.get("clusterIP"):
            spec["clusterIP"] = before.get("clusterIP") or self._free_ip()
        spec["clusterIPs"] = [spec["clusterIP"]]
        if spec.get("type") in _WITH_NODE_PORTS:
            known = {
                (port.get("port"), port.get("protocol", "TCP")): port.get("nodePort")
                for port in before.get("ports") or ()
            }
            spec["ports"] = [self._with_node_port(port, known) for port in spec.get("ports") or ()]

    def causes(self, obj: Mapping[str, Any], old: Mapping[str, Any] | None) -> Causes:
        """Give the addresses of *obj* that somebody else has or that are outside the block."""
        uid = obj["metadata"].get("uid")
        before = set(_values(old)) if old is not None else set()
        spec = obj.get("spec") or {}
        ip = spec.get("clusterIP")
        if ip and ip not in before and ip != _HEADLESS:
            if not ip.startswith(self._block + "."):
                why = f"the provided IP is not in the valid range {self._block}.*"
                yield value_invalid("spec.clusterIPs", [ip], f"failed to allocate IP {ip}: {why}")
            elif self._taken.get(ip, uid) != uid:
                why = f"failed to allocate IP {ip}: provided IP is already allocated"
                yield value_invalid("spec.clusterIPs", [ip], why)
        for index, port in enumerate(spec.get("ports") or ()):
            number = port.get("nodePort")
            if not number or number in before:
                continue
            path = f"spec.ports[{index}].nodePort"
            if not _FIRST_NODE_PORT <= number <= _LAST_NODE_PORT:
                limits = f"{_FIRST_NODE_PORT}-{_LAST_NODE_PORT}"
                why = (
                    f"provided port is not in the valid range. The range of valid ports is {limits}"
                )
                yield value_invalid(path, number, why)
            elif self._taken.get(number, uid) != uid:
                yield value_invalid(path, number, "provided port is already allocated")

    def _free_ip(self) -> str:
        while True:
            high, low = divmod(self._next_ip, 254)
            self._next_ip += 1
            middle = "" if self._block.count(".") > 1 else f".{240 + high % 16}"
            ip = f"{self._block}{middle}.{low + 1}"
            if ip not in self._taken:
                return ip

    def _with_node_port(
        self, port: dict[str, Any], known: Mapping[tuple[Any, str], Any]
    ) -> dict[str, Any]:
        if port.get("nodePort"):
            return port
        number = known.get((port.get("port"), port.get("protocol", "TCP")))
        while not number:
            if self._next_port not in self._taken:
                number = self._next_port
            self._next_port += 1
            if self._next_port > _LAST_NODE_PORT:
                self._next_port = _FIRST_NODE_PORT
        return {**port, "nodePort": number}


def service_defaults(obj: dict[str, Any], old: Mapping[str, Any] | None) -> None:
    """Fill in what a Service leaves open."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", _HEADLESS)
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] in _WITH_NODE_PORTS:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    else:
        _drop_node_fields(spec, (old or {}).get("spec") or {})
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, "", 0) and "port" in port:
            port["targetPort"] = port["port"]


def _drop_node_fields(spec: dict[str, Any], before: Mapping[str, Any]) -> None:
    """
    Clear what belongs to the type that a Service leaves, unless the same request changes it.

    Source: kubernetes ``pkg/registry/core/service/strategy.go``, ``dropTypeDependentFields``.
    """
    if before.get("type") not in _WITH_NODE_PORTS:
        return
    if _node_ports(spec) == _node_ports(before):
        spec["ports"] = [
            {key: value for key, value in port.items() if key != "nodePort"}
            for port in spec.get("ports") or ()
        ]
    if spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy"):
        spec.pop("externalTrafficPolicy", None)


def service_causes(obj: Mapping[str, Any], old: Mapping[str, Any] | None) -> Causes:
    """Give everything that is wrong with a Service's spec."""
    spec = obj.get("spec") or {}
    kind, ports = spec.get("type"), spec.get("ports") or ()
    if kind not in _TYPES:
        yield value_unsupported("spec.type", kind, _TYPES)
    if kind == "ExternalName" and not spec.get("externalName"):
        yield value_required("spec.externalName")
    headless = spec.get("clusterIP") == _HEADLESS
    if not ports and not headless and kind != "ExternalName":
        yield value_required("spec.ports")
    if headless and kind in _WITH_NODE_PORTS:
        why = f"may not be set to 'None' for {kind} services"
        yield value_invalid("spec.clusterIPs[0]", _HEADLESS, why)
    yield from labels_causes("spec.selector", spec.get("selector") or {})
    if spec.get("sessionAffinity") not in (_HEADLESS, "ClientIP"):
        words = (_HEADLESS, "ClientIP")
        yield value_unsupported("spec.sessionAffinity", spec.get("sessionAffinity"), words)
    yield from _ports_causes(ports, kind or "")
    yield from _policy_causes(spec.get("externalTrafficPolicy"), kind or "")
    before = (old or {}).get("spec") or {}
    old_ip = before.get("clusterIP")
    kept = old_ip and "ExternalName" not in (kind, before.get("type"))
    if kept and spec.get("clusterIP") != old_ip:
        why = "may not change once set"
        yield value_invalid("spec.clusterIPs[0]", spec.get("clusterIP"), why)


def _policy_causes(policy: Any, kind: str) -> Causes:
    path = "spec.externalTrafficPolicy"
    if policy is not None and kind not in _WITH_NODE_PORTS:
        yield value_invalid(path, policy, "may only be set for externally-accessible services")
    elif policy is not None and policy not in _POLICIES:
        yield value_unsupported(path, policy, _POLICIES)


def _ports_causes(ports: Any, kind: str) -> Causes:
    names: set[str] = set()
    numbers: set[tuple[Any, Any]] = set()
    on_nodes: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        yield from _port_causes(path, port, several=len(ports) > 1)
        name = port.get("name") or ""
        if name and name in names:
            yield value_duplicate(f"{path}.name", name)
        names.add(name)
        pair = (port.get("port"), port.get("protocol"))
        if pair in numbers:
            shown = {"port": pair[0], "protocol": pair[1]}
            yield value_duplicate(path, shown)
        numbers.add(pair)
        on_node = (port.get("nodePort"), port.get("protocol"))
        if on_node[0] and on_node in on_nodes:
            yield value_duplicate(f"{path}.nodePort", on_node[0])
        on_nodes.add(on_node)
        if port.get("nodePort") and kind not in _WITH_NODE_PORTS:
            why = "may not be used when `type` is 'ClusterIP'"
            yield value_forbidden(f"{path}.nodePort", why)


def _port_causes(path: str, port: Mapping[str, Any], *, several: bool) -> Causes:
    name = port.get("name") or ""
    if several and not name:
        yield value_required(f"{path}.name")
    elif name and (why := label_fault(name)):
        yield value_invalid(f"{path}.name", name, why)
    number = port.get("port", 0)
    if not 1 <= number <= 65535:  # noqa: PLR2004 - TCP
        yield value_invalid(f"{path}.port", number, "must be between 1 and 65535, inclusive")
    if port.get("protocol") not in _PROTOCOLS:
        yield value_unsupported(f"{path}.protocol", port.get("protocol"), _PROTOCOLS)
    target = port.get("targetPort")
    if isinstance(target, str):
        if why := port_name_fault(target):
            yield value_invalid(f"{path}.targetPort", target, why)
    elif target is not None and not 1 <= target <= 65535:  # noqa: PLR2004 - TCP
        why = "must be between 1 and 65535, inclusive"
        yield value_invalid(f"{path}.targetPort", target, why)


def _node_ports(spec: Mapping[str, Any]) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}


def _values(obj: Mapping[str, Any]) -> list[str | int]:
    spec = obj.get("spec") or {}
    values: list[str | int] = list(_node_ports(spec))
    if spec.get("clusterIP") not in (None, "", _HEADLESS):
        values.append(spec["clusterIP"])
    return values
