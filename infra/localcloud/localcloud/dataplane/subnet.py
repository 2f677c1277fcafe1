"""
The client subnet of a DNS question: whose place a resolver asks for; for `dns`.

Source: RFC 7871 §6 (form of the option), §7.1.2 and §7.2.1 (what is refused, what is echoed).
Route 53 looks at no more than /24 of an IPv4 address and /48 of an IPv6 one.
"""

import ipaddress
import struct
from dataclasses import dataclass

from dnslib import RR, EDNSOption

CODE = 8

_HEADER = struct.Struct("!HBB")
_FAMILIES = {1: (4, 32, 24), 2: (16, 128, 48)}  # octets, longest prefix, longest that counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """
    What a question asks for.

    address: The network's first address; empty when the resolver keeps it to itself (prefix 0).
    data: The option's data as it came.
    prefix: Length of the network's prefix.
    """

    address: str
    data: bytes
    prefix: int

    def echo(self, *, located: bool) -> EDNSOption:
        """The option of the reply; its scope is 0 when every place gets the same answer."""
        family, prefix, _ = _HEADER.unpack(self.data[: _HEADER.size])
        scope = min(prefix, _FAMILIES[family][2]) if located else 0
        return EDNSOption(CODE, _HEADER.pack(family, prefix, scope) + self.data[_HEADER.size :])


def subnet_of(option: RR | None) -> Subnet | None:
    """
    The client subnet of a question's OPT record; None without one.

    Raises:
        ValueError: Malformed; the reply is FORMERR.
    """
    found = [each.data for each in (option.rdata if option else ()) if each.code == CODE]
    if not found:
        return None
    data = bytes(found[0])
    if len(data) < _HEADER.size:
        raise ValueError("client subnet: too short")
    family, prefix, scope = _HEADER.unpack(data[: _HEADER.size])
    octets, longest, counted = _FAMILIES.get(family, (0, 0, 0))
    rest = data[_HEADER.size :]
    if not octets or prefix > longest or scope or len(rest) != (prefix + 7) // 8:
        raise ValueError("client subnet: no such family, prefix or address")
    if not prefix:
        return Subnet(address="", data=data, prefix=0)
    whole = int.from_bytes(rest + bytes(octets - len(rest)), "big")
    kept = min(prefix, counted)
    bits = octets * 8
    if whole & ((1 << (bits - prefix)) - 1):
        raise ValueError("client subnet: bits beyond the prefix")
    masked = whole >> (bits - kept) << (bits - kept)
    address = ipaddress.IPv4Address(masked) if octets == 4 else ipaddress.IPv6Address(masked)  # noqa: PLR2004
    return Subnet(address=str(address), data=data, prefix=prefix)
