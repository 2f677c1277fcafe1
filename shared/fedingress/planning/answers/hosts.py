"""
Which names of users can be hosts of a zone, and who of several Ingresses has one.

Source: RFC 1035 section 2.3.4 (63 octets a label, 253 a name); Route 53 and Cloud DNS take a
wildcard as the first label only, and no CNAME at the apex.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from fedingress.domain.report import ZoneIntent

_LABEL: Final = re.compile(r"[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?")
_LONGEST_LABEL: Final = 63
_LONGEST_NAME: Final = 253


def fault(host: str, domain: str, types: Collection[str] = ()) -> str:
    """
    Why *host* cannot have an answer in the zone *domain*; empty when it can.

    Args:
        host: As the user wrote it.
        domain: The zone's.
        types: That it would be answered by.
    """
    return next(_faults(host, domain, types), "")


def claimed(
    intents: Mapping[str, ZoneIntent],
) -> tuple[dict[str, ZoneIntent], dict[str, list[ZoneIntent]]]:
    """Host -> the present intent that it belongs to (the oldest), and host -> the others."""
    claims: dict[str, list[ZoneIntent]] = {}
    for intent in intents.values():
        if intent.state == "present":
            for host in intent.hosts:
                claims.setdefault(host, []).append(intent)
    won, lost = {}, {}
    for host in sorted(claims):
        first, *others = sorted(claims[host], key=lambda each: (each.created, each.uid))
        won[host] = first
        if others:
            lost[host] = others
    return won, lost


def _faults(host: str, domain: str, types: Collection[str]) -> Iterator[str]:
    bare = host.removeprefix("*.")
    labels = bare.split(".")
    longest = max(map(len, labels))
    if not host.isascii():
        yield f"{host} is not ASCII; write it in its ASCII form (xn--...)"
    if host != host.lower():
        yield f"{host} has upper-case letters; hosts of an Ingress are lower case"
    if longest > _LONGEST_LABEL:
        yield f"{host} has a label of {longest} octets; DNS takes {_LONGEST_LABEL}"
    if len(host) > _LONGEST_NAME:
        yield f"{host[:60]}... has {len(host)} octets; DNS takes {_LONGEST_NAME}"
    if "*" in bare:
        yield f"{host}: a wildcard can be the whole first label only"
    if not all(_LABEL.fullmatch(label) for label in labels):
        yield f"{host} is not a DNS name"
    if bare != domain and not bare.endswith("." + domain):
        yield f"{host} is not within the zone {domain}"
    if host == domain and "CNAME" in types:
        yield (
            f"{host} is the apex of its zone, where no CNAME may stand: each of its members needs "
            "a load balancer that can be aliased, or IP addresses"
        )
