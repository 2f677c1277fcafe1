"""
From the JSON of an Ingress to a `Source`.

Called by every implementation of the port `Sources` and by fan-out, on what overrides made. An
API server has checked most of this already where there is one; a directory has none, and our
load balancers are narrower than the API.

Source: networking.k8s.io/v1 Ingress and its validation.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fedingress.domain.ingress import (
    Fault,
    Ingress,
    IngressKey,
    Manifest,
    Path,
    Rule,
    ServiceBackend,
    Source,
    TlsEntry,
)
from fedingress.planning.decode.fronts import front, hostnames
from fedingress.planning.decode.paths import EVERYTHING, PATH_TYPES, problem, same_requests
from fedingress.planning.decode.reading import Cell, kind, named
from fedingress.planning.decode.words import (
    DNS_1035_LABEL,
    DNS_1123_LABEL,
    DNS_1123_SUBDOMAIN,
    PORT_NAME,
    QUALIFIED_NAME,
    host_problem,
    quoted,
)

LEGACY_CLASS: Final = "kubernetes.io/ingress.class"
_PORT_LIMIT: Final = 65535

Claim = tuple[str, str, str]
"""Host, path as it matches, and path type."""


def source(manifest: Manifest, where: str = "") -> Source:
    """
    Decode an Ingress.

    Args:
        manifest: The object as JSON; nothing of it is trusted.
        where: What to call it in faults; `Ingress namespace/name` when empty.

    Returns:
        Metadata always, `ingress` only when there are no faults; every fault found.
    """
    meta = manifest.get("metadata")
    held: Mapping[str, Any] = meta if isinstance(meta, Mapping) else {}
    faults: list[Fault] = []
    whole = Cell(value=manifest, at="", where=where or named(manifest, "Ingress"), faults=faults)
    kind(whole, "networking.k8s.io/v1", "Ingress")
    _metadata(whole.child("metadata"))
    ingress = _ingress(whole)
    finalizers = held.get("finalizers")
    generation = held.get("generation")
    return Source(
        key=IngressKey(namespace=_plain(held, "namespace") or "default", name=_plain(held, "name")),
        uid=_plain(held, "uid"),
        generation=generation if isinstance(generation, int) else 0,
        created=_plain(held, "creationTimestamp"),
        resource_version=_plain(held, "resourceVersion"),
        deleting=bool(held.get("deletionTimestamp")),
        finalizers=tuple(str(each) for each in finalizers) if isinstance(finalizers, list) else (),
        manifest=manifest if held is meta else {**manifest, "metadata": {}},
        ingress=None if faults else ingress,
        faults=tuple(faults),
    )


def _plain(held: Mapping[str, Any], name: str) -> str:
    value = held.get(name)
    return value if isinstance(value, str) else ""


def _metadata(meta: Cell) -> None:
    meta.child("name").required(like=DNS_1123_SUBDOMAIN, noun="a DNS-1123 subdomain")
    meta.child("namespace").text(like=DNS_1123_LABEL, noun="a DNS-1123 label")
    for name in ("annotations", "labels"):
        held = meta.child(name)
        for key in held.texts():
            if not QUALIFIED_NAME.fullmatch(key if name == "labels" else key.lower()):
                held.fault(f"{quoted(key)} is not a qualified name")


def _ingress(whole: Cell) -> Ingress:
    spec = whole.child("spec")
    spec.fields("ingressClassName", "defaultBackend", "rules", "tls")
    default = spec.child("defaultBackend")
    claims: dict[Claim, Path] = {}
    rules = tuple(_rule(cell, claims) for cell in spec.child("rules").items())
    if not rules and not default.given:
        spec.fault("either defaultBackend or rules must be given")
    meta = whole.child("metadata")
    # Faults of the metadata are noted already; this reading notes them nowhere.
    annotations = Cell(value=meta.value, at="", where="", faults=[]).child("annotations").texts()
    labels = Cell(value=meta.value, at="", where="", faults=[]).child("labels").texts()
    named_class = spec.child("ingressClassName").text(
        like=DNS_1123_SUBDOMAIN, noun="the name of an IngressClass"
    )
    return Ingress(
        class_name=named_class or annotations.get(LEGACY_CLASS, ""),
        rules=(*rules, *_further(hostnames(meta.child("annotations")), rules)),
        default_backend=_backend(default) if default.given else None,
        tls=_tls(spec.child("tls")),
        front=front(meta.child("annotations")),
        annotations=annotations,
        labels=labels,
    )


def _further(hosts: Sequence[str], rules: Sequence[Rule]) -> Iterator[Rule]:
    """For each of *hosts* that no rule names: what the Ingress says for all hosts."""
    named_hosts = {rule.host for rule in rules}
    paths = tuple(path for rule in rules if not rule.host for path in rule.paths)
    for host in hosts:
        if host not in named_hosts:
            yield Rule(host=host, paths=paths)


def _rule(cell: Cell, claims: dict[Claim, Path]) -> Rule:
    cell.fields("host", "http")
    host = _host(cell.child("host"))
    http = cell.child("http")
    http.fields("paths")
    listed = http.child("paths")
    paths = []
    for item in listed.items(least=1 if http.given else 0):
        path = _path(item)
        _claim(item, host, path, claims)
        paths.append(path)
    return Rule(host=host, paths=tuple(paths))


def _claim(cell: Cell, host: str, path: Path, claims: dict[Claim, Path]) -> None:
    """Refuse what is claimed twice, and what another spelling claims for another backend."""
    key = (host, same_requests(path.path, path.path_type), path.path_type)
    first = claims.setdefault(key, path)
    if first is not path and (first.path == path.path or first.backend != path.backend):
        cell.fault(
            f"{path.path_type} path {quoted(path.path)} of host {quoted(host or '*')} is claimed "
            "twice"
        )


def _host(cell: Cell) -> str:
    host = cell.text()
    if host and (reason := host_problem(host)):
        cell.fault(f"{quoted(host)} {reason}")
        return ""
    return host


def _path(cell: Cell) -> Path:
    cell.fields("path", "pathType", "backend")
    told = cell.child("pathType")
    if not told.given:
        told.fault(f"is required: one of {', '.join(PATH_TYPES)}")
    path_type = told.choice(PATH_TYPES, noun="path type")
    written = cell.child("path")
    path = written.text()
    if not path and path_type == "ImplementationSpecific":
        path = EVERYTHING
    elif path_type and (reason := problem(path, path_type)):
        written.fault(f"{quoted(path)} {reason}")
    backend = cell.child("backend")
    if not backend.given:
        backend.fault("is required")
    return Path(path=path, path_type=path_type, backend=_backend(backend))


def _backend(cell: Cell) -> ServiceBackend:
    cell.fields(
        "service",
        unserved={"resource": "is not supported: the backend of a federated Ingress is a Service"},
    )
    service = cell.child("service")
    if cell.given and not service.given:
        if "resource" not in cell.mapping():
            service.fault("is required")
        return ServiceBackend(service="")
    service.fields("name", "port")
    name = service.child("name")
    port = service.child("port")
    port.fields("number", "name")
    number = port.child("number").integer(0, 0, _PORT_LIMIT)
    port_name = port.child("name").text()
    if service.given and bool(port_name) == bool(port.child("number").value):
        port.fault("exactly one of number (1 to 65535) and name must be given")
    elif port_name and not PORT_NAME.fullmatch(port_name):
        port.child("name").fault(f"{quoted(port_name)} is not a port name")
    return ServiceBackend(
        service=name.required(like=DNS_1035_LABEL, noun="a DNS-1035 label")
        if service.given
        else "",
        number=number,
        port_name=port_name if not number else "",
    )


def _tls(cell: Cell) -> tuple[TlsEntry, ...]:
    """One entry per Secret, in order, with the hosts of all that name it."""
    found: dict[str, list[str]] = {}
    for item in cell.items():
        item.fields("hosts", "secretName")
        hosts = [_host(host) for host in item.child("hosts").items()]
        secret = item.child("secretName")
        name = secret.required(like=DNS_1123_SUBDOMAIN, noun="the name of a Secret")
        found.setdefault(name, []).extend(hosts)
    return tuple(
        TlsEntry(secret=name, hosts=tuple(dict.fromkeys(hosts))) for name, hosts in found.items()
    )
