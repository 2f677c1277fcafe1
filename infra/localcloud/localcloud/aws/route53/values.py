"""
The data of resource records: what Route 53 takes as an address, a name, a text.

Types that have no check here are stored as they come.

Source: messages of Route 53 ("Invalid Resource Record: FATAL problem: ...", boto3 and Terraform
issue threads); quotas from the Developer Guide.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence

from localcloud.aws.route53.names import BadName, canonical

MOST_VALUES = 400

_TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*')
_ONE_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_TEXT_OCTETS = 255
_SINGLE = ("CNAME", "SOA")


def faults(kind: str, values: Sequence[str]) -> Iterator[str]:
    """Give Route 53's complaints about the values of a record set of type *kind*."""
    if len(values) > MOST_VALUES:
        yield f"Number of values limit of {MOST_VALUES} exceeded."
    if kind in _SINGLE and len(values) > 1:
        yield f"RRSet of type {kind} can only have one value"
    for value in values:
        if list(values).count(value) > 1:
            yield f"Duplicate Resource Record: '{value}'"
            break
    check = _CHECKS.get(kind)
    for value in values if check else ():
        assert check is not None
        problem = check(value)
        if problem:
            yield f"Invalid Resource Record: {problem}"


def _problem(kind: str, words: str, value: str) -> str:
    return f"FATAL problem: {kind} ({words}) encountered with '{value}'"


def _ipv4(value: str) -> str:
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        return _problem("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address", value)
    return ""


def _ipv6(value: str) -> str:
    try:
        ipaddress.IPv6Address(value)
    except ValueError:
        return _problem("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address", value)
    return ""


def _name(value: str) -> str:
    if not value or any(each.isspace() for each in value):
        return _problem("RRDATANotSingleField", "Value contains spaces", value)
    try:
        canonical(value)
    except BadName as fault:
        return str(fault)
    return ""


def _text(value: str) -> str:
    if _TEXTS.fullmatch(value.strip()) is None:
        words = "Value should be enclosed in quotation marks"
        return _problem("InvalidCharacterString", words, value)
    if any(len(text) > _TEXT_OCTETS for text in _ONE_TEXT.findall(value)):
        return _problem("CharacterStringTooLong", "Value is too long", value)
    return ""


_CHECKS: dict[str, Callable[[str], str]] = {
    "A": _ipv4,
    "AAAA": _ipv6,
    "CNAME": _name,
    "NS": _name,
    "PTR": _name,
    "TXT": _text,
    "SPF": _text,
}
