"""The source Ingress as the planners see it, and the faults of objects that do not decode."""

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fedingress.domain.front import FrontWish

Manifest = Mapping[str, Any]
"""A Kubernetes object as JSON."""


def status_entry(address: str) -> dict[str, str]:
    """*address* as an entry of `status.loadBalancer.ingress`: an IP, or else a host name."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return {"hostname": address}
    return {"ip": address}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class IngressKey:
    """`namespace/name`, the unit of most concerns."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> "IngressKey":
        """
        The key written as `namespace/name`.

        Raises:
            ValueError: There is not exactly one slash between two non-empty words.
        """
        namespace, slash, name = text.partition("/")
        if not slash or not namespace or not name or "/" in name:
            raise ValueError(f"{text!r} is not NAMESPACE/NAME")
        return cls(namespace=namespace, name=name)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fault:
    """
    One thing wrong with one object.

    where: a file with its document number, or `Kind namespace/name`.
    field: a JSON path such as `spec.rules[0].host`; empty when the whole object is meant.
    """

    where: str
    field: str
    reason: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.field, self.reason) if part)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ServiceBackend:
    """A port of a Service: by *number*, or by *port_name* when number is 0."""

    service: str
    number: int = 0
    port_name: str = ""

    @property
    def port(self) -> str:
        """The port as the user wrote it."""
        return str(self.number) if self.number else self.port_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One path of a rule. *path_type* is Exact, Prefix or ImplementationSpecific."""

    path: str
    path_type: str
    backend: ServiceBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The paths of one host, lower case; an empty host stands for all hosts."""

    host: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsEntry:
    """The Secret of a certificate, and the hosts that it is wanted for; none: whatever it names."""

    secret: str
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """The spec of a federated Ingress, checked."""

    class_name: str
    rules: tuple[Rule, ...]
    default_backend: ServiceBackend | None = None
    tls: tuple[TlsEntry, ...] = ()
    front: FrontWish = FrontWish()
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host named, once, in order."""
        return tuple(dict.fromkeys(rule.host for rule in self.rules if rule.host))

    def limited_to(self, hosts: Collection[str]) -> "Ingress":
        """Without the rules of other hosts; rules for all hosts stay."""
        kept = tuple(rule for rule in self.rules if not rule.host or rule.host in hosts)
        return replace(self, rules=kept)

    @property
    def backends(self) -> tuple[ServiceBackend, ...]:
        """Every Service port named, once, sorted."""
        named = {path.backend for rule in self.rules for path in rule.paths}
        if self.default_backend:
            named.add(self.default_backend)
        return tuple(sorted(named))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """
    A source object as stored: its metadata always, its spec only if it decodes.

    created: RFC 3339; orders claims on hosts, then *uid* does.
    manifest: the whole object.
    ingress: None when *faults* says why.
    """

    key: IngressKey
    uid: str
    generation: int
    created: str
    resource_version: str
    deleting: bool
    finalizers: tuple[str, ...]
    manifest: Manifest
    ingress: Ingress | None
    faults: tuple[Fault, ...] = ()

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations as stored, even if the spec does not decode."""
        found = self.manifest.get("metadata", {}).get("annotations")
        return found if isinstance(found, dict) else {}

    @property
    def addresses(self) -> tuple[str, ...]:
        """What `status.loadBalancer` names, whoever wrote it: IPs, or else host names."""
        status = self.manifest.get("status")
        balancer = status.get("loadBalancer") if isinstance(status, Mapping) else None
        listed = balancer.get("ingress") if isinstance(balancer, Mapping) else None
        entries = listed if isinstance(listed, (list, tuple)) else ()
        return tuple(
            str(entry.get("ip") or entry.get("hostname") or "")
            for entry in entries
            if isinstance(entry, Mapping)
        )
