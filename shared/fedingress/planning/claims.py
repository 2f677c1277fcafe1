"""Hosts belong to the oldest Ingress that names them."""

from collections.abc import Iterable, Mapping

from fedingress.domain.ingress import Source
from fedingress.domain.report import HostClaim


def unit(host: str) -> str:
    """The shared unit under which claims on *host* are kept."""
    return f"host:{host}"


def claim(source: Source) -> HostClaim:
    """The claim of *source* on any host it names."""
    return HostClaim(
        uid=source.uid,
        generation=source.generation,
        source=str(source.key),
        created=source.created,
    )


def lost(source: Source, rivals: Mapping[str, Iterable[HostClaim]]) -> dict[str, str]:
    """Hosts of *source* that an older Ingress owns: host -> `namespace/name` of that one."""
    mine = claim(source)
    found = {}
    for host, claims in rivals.items():
        first = min([mine, *claims], key=lambda each: each.order)
        if first.uid != source.uid:
            found[host] = first.source
    return found


def claims_of(sources: Iterable[Source]) -> dict[str, list[HostClaim]]:
    """Every claim that *sources* make, by host; for when the kept claims are not complete."""
    found: dict[str, list[HostClaim]] = {}
    for source in sources:
        if source.ingress and not source.deleting:
            for host in source.ingress.hosts:
                found.setdefault(host, []).append(claim(source))
    return found
