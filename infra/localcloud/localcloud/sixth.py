"""
Where virtual addresses of IPv6 listen: a loopback has one of them only, so each shares ::1 with
ports of its own.

The data plane binds there; people and tests ask the control API which port stands for which.

Source: RFC 4193 (fd00::/8 is for local use), RFC 4291 section 2.5.3 (the loopback address).
"""

import socket
import threading
from ipaddress import IPv6Address, ip_address, ip_network

LOOPBACK = "::1"
_LOCAL = ip_network("fd00::/8")


class SixthPorts:
    """
    A port of ::1 for each (address, port), given when it is first asked for and then the same.

    The port is free when it is given; nothing holds it until somebody binds there.
    """

    def __init__(self) -> None:
        self._ports: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()

    def port(self, address: str, port: int) -> int:
        """
        The port on ::1 that stands for *port* of *address*, a virtual address of IPv6.

        Raises:
            ValueError: The address is none of the lab's.
            OSError: This machine has no ::1, or no port left.
        """
        found = ip_address(address)
        if not isinstance(found, IPv6Address) or found not in _LOCAL:
            raise ValueError(f"{address!r} is no IPv6 address of the lab")
        with self._lock:
            key = (str(found), port)
            if key not in self._ports:
                self._ports[key] = _free()
            return self._ports[key]

    def list(self) -> dict[str, dict[str, int]]:
        """Every port that was given, by address and the port that it stands for."""
        with self._lock:
            found: dict[str, dict[str, int]] = {}
            for (address, port), bound in sorted(self._ports.items()):
                found.setdefault(address, {})[str(port)] = bound
            return found


def sixth_of(address: str) -> str:
    """Give the IPv6 form of the virtual address 127.W.250.n: a unique local address."""
    _, world, _, number = address.split(".")
    return f"fd00:{world}::{number}"


def is_sixth(address: str) -> bool:
    """Whether *address* is one of IPv6, in any spelling."""
    try:
        IPv6Address(address)
    except ValueError:
        return False
    return True


def no_ports(address: str, port: int) -> int:
    """For data planes without IPv6."""
    raise ValueError(f"{address!r} port {port}: there is no IPv6 here")


def _free() -> int:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
