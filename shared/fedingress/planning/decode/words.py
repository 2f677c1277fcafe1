"""
The grammar of names in Kubernetes and the clouds, as patterns, and help for those who mistype.

Called by every decoder here and by `planning.selectors`. All patterns are for `fullmatch`.

Source: Kubernetes "Object Names and IDs", labels and annotations; RFC 1035, 1123 and 6335;
compute v1 and dns v1 discovery documents for names and projects; Route 53 API reference for ids.
"""

import difflib
import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

SHOWN: Final = 80
"""How many characters of a user's text are repeated."""

DNS_1123_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
DNS_1123_SUBDOMAIN: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)
DNS_1035_LABEL: Final = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
DNS_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*"
)
"""A DNS-1123 subdomain whose labels also fit into 63 octets each, as the DNS needs them."""
PORT_NAME: Final = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
QUALIFIED_NAME: Final = re.compile(
    r"((?=[^/]{1,253}/)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
PROJECT: Final = re.compile(
    r"(([a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?):)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
)
"""A project id, a number, or an id with the domain it is scoped to."""
PROBE_PATH: Final = re.compile(r"/[A-Za-z0-9/._~!$&()*+,;=:@%?-]{0,1023}")
"""A path, perhaps with a query, that a health check may ask for."""
GCE_NAME: Final = DNS_1035_LABEL
HOSTED_ZONE: Final = re.compile(r"[A-Z0-9]{1,32}")
ACCOUNT: Final = re.compile(r"[0-9]{12}")
CLOUD_REGION: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""The name of a region in any cloud's words, or an operator's for places of their own."""


def host_problem(host: str) -> str:
    """
    Why *host* cannot be a host of an Ingress rule; empty when it can.

    A lower-case DNS name or one leading `*.` before such a name; no IP address, no final dot.
    """
    bare = host.removeprefix("*.")
    if _is_address(host.strip("[]")):
        return "is an IP address; a DNS name is needed"
    if bare != bare.lower():
        return "has upper-case letters; Kubernetes takes lower-case hosts only"
    if "*" in bare:
        return "has a wildcard that is not the whole first label; only a leading `*.` may stand"
    if bare.endswith("."):
        return "ends with a dot; write it without"
    if not DNS_NAME.fullmatch(host.replace("*.", "w.", 1)):
        return (
            "is not a DNS name: labels of a-z, 0-9 and `-`, at most 63 characters each and 253 "
            "in all"
        )
    return ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def quoted(value: Any) -> str:
    """*value* for a sentence: control characters escaped, at most 80 characters."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > 4 * SHOWN:
        return "a number of very many digits"
    text = repr(value[: SHOWN + 1] if isinstance(value, str) else value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 4]}...{text[0]}"


def unknown_word(noun: str, word: Any, known: Collection[str]) -> str:
    """The sentence for a word that is none of *known*, naming the nearest one where one is near."""
    spelled = {each.lower(): each for each in known}
    near = difflib.get_close_matches(str(word)[:SHOWN].lower(), spelled, n=1)
    hint = f"did you mean {spelled[near[0]]}?" if near else f"known are {', '.join(sorted(known))}"
    return f"unknown {noun} {quoted(word)}; {hint}"
