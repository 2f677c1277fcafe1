"""
Record sets of Cloud DNS: names, types, data; how they are written and compared.

Source: Cloud DNS reference, ``resourceRecordSets``; RFC 1034 and 1035 for names and data.

Not modelled: data of types other than A, AAAA, CAA, CNAME, MX, NS, PTR, SOA, SPF, SRV and TXT is
taken as it is; DNSSEC signatures.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any

from localcloud.gcp.errors import bad_value, missing
from localcloud.gcp.routing import check_policy, policy_kinds, same_policy

RecordSet = dict[str, Any]

TYPES = frozenset(
    {
        *("A", "AAAA", "ALIAS", "CAA", "CNAME", "DNSKEY", "DS", "HTTPS", "IPSECKEY", "MX"),
        *("NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT"),
    }
)

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?|\*")
_LONGEST_NAME = 254
_LONGEST_TTL = 2**31 - 1
_SINGLE = frozenset({"ALIAS", "CNAME", "SOA"})
_QUOTED = re.compile(r'\s*("(?:[^"\\]|\\.){0,255}"\s*)+')
_SRV = re.compile(r"\d{1,5} \d{1,5} \d{1,5} (\S+)")
_MX = re.compile(r"\d{1,5} (\S+)")
_CAA = re.compile(r'\d{1,3} [a-z0-9]+ "[^"]*"|\d{1,3} [a-z0-9]+ \S+', re.IGNORECASE)
_SOA = re.compile(r"(\S+) (\S+)( \d{1,10}){5}")


def canonical_name(name: str) -> str:
    r"""Give a DNS name in lower case, with ``*`` for its escaped form ``\052``."""
    return name.lower().replace("\\052", "*")


def name_fault(name: str) -> bool:
    """Say whether *name* is no absolute DNS name; a wildcard is one in its first label only."""
    labels = name.removesuffix(".").split(".")
    return (
        not name.endswith(".")
        or len(name) > _LONGEST_NAME
        or any(_LABEL.fullmatch(label) is None for label in labels)
        or "*" in labels[1:]
    )


def read(record_set: Mapping[str, Any], domain: str, at: str) -> RecordSet:
    """
    Give a record set as it is stored.

    Args:
        record_set: As a request or this module gives it.
        domain: Of the zone, with a final dot.
        at: Where it stands in the request, for texts.

    Raises:
        GoogleError: 400.
    """
    name = canonical_name(str(record_set.get("name") or ""))
    kind = str(record_set.get("type") or "")
    for field, value in (("name", name), ("type", kind)):
        if not value:
            raise missing(f"{at}.{field}")
    if name_fault(name) or not (name == domain or name.endswith(f".{domain}")):
        raise bad_value(f"{at}.name", record_set["name"])
    if kind not in TYPES:
        raise bad_value(f"{at}.type", kind)
    ttl = record_set.get("ttl")
    if ttl is None:
        raise missing(f"{at}.ttl")
    if not 0 <= ttl <= _LONGEST_TTL:
        raise bad_value(f"{at}.ttl", ttl)
    found: RecordSet = {
        "kind": "dns#resourceRecordSet",
        "name": name,
        "type": kind,
        "ttl": ttl,
    }
    data, policy = record_set.get("rrdatas") or [], record_set.get("routingPolicy") or {}
    if data and policy:
        raise bad_value(f"{at}.routingPolicy", "rrdatas and routingPolicy cannot both be set")
    if policy:
        check_policy(policy, kind, f"{at}.routingPolicy", read_data)
        return found | {"routingPolicy": policy_kinds(policy)}
    if not data:
        raise missing(f"{at}.rrdata")
    return found | {"rrdatas": read_data(data, kind, f"{at}.rrdata"), "signatureRrdatas": []}


def read_data(data: list[str], kind: str, at: str) -> list[str]:
    """
    Give the data of a record set of type *kind* as it is stored.

    Raises:
        GoogleError: 400 for data that is not of its type, twice, or too many.
    """
    if kind in _SINGLE and len(data) > 1:
        raise bad_value(at, data[1])
    rule = _RULES.get(kind)
    found: list[str] = []
    for index, text in enumerate(data):
        stored = _quoted(text) if kind in {"SPF", "TXT"} else text
        if (rule is not None and not rule(stored)) or stored in found:
            raise bad_value(f"{at}[{index}]", text)
        found.append(stored)
    return found


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether two stored record sets hold the same; the order of data does not count."""
    return (
        one.get("ttl") == other.get("ttl")
        and sorted(one.get("rrdatas") or ()) == sorted(other.get("rrdatas") or ())
        and same_policy(one.get("routingPolicy"), other.get("routingPolicy"))
    )


def _quoted(text: str) -> str:
    # Text without quotes is split at white space, each word a string of its own.
    if text.lstrip().startswith('"'):
        return text
    return " ".join(f'"{word}"' for word in text.split())


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def _is_name(text: str) -> bool:
    return not name_fault(canonical_name(text)) or text == "."


def _ends_in_name(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    def rule(text: str) -> bool:
        found = pattern.fullmatch(text)
        return found is not None and _is_name(found[1])

    return rule


_RULES: Mapping[str, Callable[[str], bool]] = {
    "A": _is_ipv4,
    "AAAA": _is_ipv6,
    "ALIAS": _is_name,
    "CAA": lambda text: _CAA.fullmatch(text) is not None,
    "CNAME": _is_name,
    "MX": _ends_in_name(_MX),
    "NS": _is_name,
    "PTR": _is_name,
    "SOA": lambda text: _SOA.fullmatch(text) is not None,
    "SPF": lambda text: _QUOTED.fullmatch(text) is not None,
    "SRV": _ends_in_name(_SRV),
    "TXT": lambda text: _QUOTED.fullmatch(text) is not None,
}
