"""
Where everything of a world lives on this machine; every part that opens a socket asks here first.

Pods and nodes carry 10.a.b.c in every API, because a real API server refuses loopback there; their
sockets are on 127.a.b.c. VIPs and clients are 127.x already. Each world owns one number W, so that
worlds (and parallel tests) never share an address:

    pods and nodes           10.W.c.n     cluster index c, in sockets 127.W.c.n
    clients of region r      127.W.(200+r).1
    virtual addresses        127.W.250.n
    health checkers          127.W.251.n

Not modelled: AAAA addresses (all of IPv6 loopback is the one ::1) and other machines.
"""

import fcntl
import os
import re
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

WORLDS = range(1, 200)
CLUSTERS = range(200)
CLIENT_REGIONS = range(50)
HOSTS = range(1, 255)

_FIRST_CLIENT_BLOCK = 200
_VIP_BLOCK = 250
_CHECKER_BLOCK = 251
_OCTET = r"(0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])"
_PRIVATE = re.compile(rf"10\.{_OCTET}\.{_OCTET}\.{_OCTET}")
_LOOPBACK = re.compile(rf"127\.{_OCTET}\.{_OCTET}\.{_OCTET}")


class AddressRefused(ValueError):  # noqa: N818
    """The address is outside the lab: no socket may be opened for it."""


class NoWorldLeft(RuntimeError):  # noqa: N818
    """Every world number is taken by a living process, or a block of this world is used up."""


def to_loopback(address: str) -> str:
    """
    The socket address of a pod or node: 127.a.b.c for 10.a.b.c.

    Raises:
        AddressRefused: Anything else, names and other spellings of numbers included.
    """
    if _PRIVATE.fullmatch(address) is None:
        raise AddressRefused(f"{address!r} is not a 10.a.b.c address of the lab")
    return "127" + address[len("10") :]


def from_loopback(address: str) -> str:
    """
    The API address of a pod or node: 10.a.b.c for 127.a.b.c.

    Raises:
        AddressRefused: Anything else.
    """
    return "10" + loopback(address)[len("127") :]


def loopback(address: str) -> str:
    """
    *address* itself when it is 127.a.b.c, the form of VIPs and clients.

    Raises:
        AddressRefused: Anything else.
    """
    if _LOOPBACK.fullmatch(address) is None:
        raise AddressRefused(f"{address!r} is not a 127.a.b.c address of the lab")
    return address


class WorldBlock:
    """
    The addresses of one world, held by an exclusive file lock until `close` or a crash.

    The kernel drops the lock with the process, so a crash leaves nothing to clean up; the empty
    lock files stay, because removing a lock file would let two takers lock two different files.
    """

    def __init__(self, number: int, lock: int) -> None:
        self.number = number
        self._lock: int | None = lock
        self._vips: set[int] = set()
        self._last_vip = 0

    @classmethod
    def take(cls, directory: Path | None = None) -> Self:
        """
        The lowest free world number.

        Args:
            directory: Where the lock files are; the temporary directory unless told otherwise.

        Raises:
            NoWorldLeft: All 199 are taken.
        """
        folder = directory or Path(tempfile.gettempdir())
        for number in WORLDS:
            lock = _try_lock(folder / f"localcloud-world-{number}.lock")
            if lock is not None:
                return cls(number, lock)
        raise NoWorldLeft(f"all {len(WORLDS)} worlds of {folder} are taken")

    def close(self) -> None:
        """Give the number back; closing twice is harmless."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def pod(self, cluster: int, n: int) -> str:
        """The API address (10.x) of the n-th pod or node of a cluster; both share one numbering."""
        _within(cluster, CLUSTERS, "cluster index")
        _within(n, HOSTS, "pod or node number")
        return f"10.{self.number}.{cluster}.{n}"

    def client(self, region: int) -> str:
        """The source address of clients in the region of that index."""
        _within(region, CLIENT_REGIONS, "client region index")
        return f"127.{self.number}.{_FIRST_CLIENT_BLOCK + region}.1"

    def client_network(self, region: int) -> str:
        """The network, in CIDR form, whose addresses stand for that region."""
        return self.client(region).removesuffix(".1") + ".0/24"

    def checker(self, n: int) -> str:
        """The source address of the n-th health checker, from 1."""
        _within(n, HOSTS, "health checker number")
        return f"127.{self.number}.{_CHECKER_BLOCK}.{n}"

    def next_vip(self) -> str:
        """
        A virtual address nobody holds; released ones come back last, as stale DNS answers would.

        Raises:
            NoWorldLeft: All 254 are in use.
        """
        for step in range(len(HOSTS)):
            n = (self._last_vip + step) % len(HOSTS) + 1
            if n not in self._vips:
                self._vips.add(n)
                self._last_vip = n
                return f"127.{self.number}.{_VIP_BLOCK}.{n}"
        raise NoWorldLeft(f"world {self.number} has no virtual address left")

    def release_vip(self, address: str) -> None:
        """Let a virtual address be given again; an unknown one is ignored."""
        block, _, n = loopback(address).rpartition(".")
        if block == f"127.{self.number}.{_VIP_BLOCK}":
            self._vips.discard(int(n))


def _try_lock(path: Path) -> int | None:
    """An open descriptor that holds the lock, or None when another process (or user) has it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except PermissionError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _within(value: int, allowed: range, what: str) -> None:
    if value not in allowed:
        raise AddressRefused(f"{what} {value} is outside {allowed.start}..{allowed.stop - 1}")
