"""Clients of the demo: they ask the lab's DNS from their region's address and send real HTTP."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fedingress.domain.ingress import status_entry
from localcloud.resolve import NoAnswerError, resolve

_TIMEOUT_SECONDS = 3.0
_GOOD = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    One thing to ask for.

    host: for the Host header; empty means the address itself.   vip: the Ingress's address or name.
    resolvable: whether DNS knows the host; else it is asked for at the address.
    """

    host: str
    path: str
    vip: str
    resolvable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one request met. cluster: empty when no pod answered. at: monotonic seconds, its end."""

    region: str
    target: Target
    status: int
    cluster: str
    pod: str
    at: float

    @property
    def failed(self) -> bool:
        """Whether a user would call it an error."""
        return self.status == 0 or self.status >= _GOOD or not self.cluster


@dataclass(slots=True)
class Clients:
    """
    The clients of some regions.

    sources: region -> source address.   dns: HOST:PORT of the lab's DNS.
    """

    sources: Mapping[str, str]
    dns: str
    port: int
    _resolved: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)

    def ask(self, region: str, target: Target) -> Reply:
        """Send one request from *region*, on a connection of its own."""
        source = self.sources[region]
        status = 0
        cluster = pod = ""
        try:
            address = self._address(target, source)
            connection = http.client.HTTPConnection(
                address, self.port, timeout=_TIMEOUT_SECONDS, source_address=(source, 0)
            )
            try:
                connection.request("GET", target.path, headers={"Host": target.host or address})
                response = connection.getresponse()
                response.read()
                status = response.status
                cluster, pod = (response.headers.get(name, "") for name in ("X-Cluster", "X-Pod"))
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, LookupError, NoAnswerError):
            status = 0
        return Reply(
            region=region,
            target=target,
            status=status,
            cluster=cluster,
            pod=pod,
            at=time.monotonic(),
        )

    def _address(self, target: Target, source: str) -> str:
        name = target.host if target.resolvable else target.vip
        if "hostname" not in status_entry(name):
            return name
        kept = self._resolved.get((source, name))
        if kept and kept[0] > time.monotonic():
            return kept[1]
        found = resolve(self.dns, name, client=source)
        if not found:
            raise LookupError(f"no address for {name}")
        self._resolved[source, name] = (time.monotonic() + 1.0, found[0])  # the TTL
        return found[0]

    def round(self, targets: Sequence[Target], each: int) -> list[Reply]:
        """Ask every target *each* times from every region, the regions side by side."""
        replies: list[Reply] = []

        def run(region: str) -> None:
            for _ in range(each):
                replies.extend([self.ask(region, target) for target in targets])

        threads = [threading.Thread(target=run, args=(region,)) for region in self.sources]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return replies


class Stream:
    """Requests that go on in the background, some a second from each region, until stopped."""

    def __init__(self, clients: Clients, targets: Sequence[Target], *, rate: float) -> None:
        self.replies: list[Reply] = []
        self._clients = clients
        self._targets = targets
        self._pause = 1.0 / rate
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(region,), daemon=True)
            for region in clients.sources
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[Reply]:
        """End, and give every reply in order of arrival."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(_TIMEOUT_SECONDS + 2)
        return sorted(self.replies, key=lambda reply: reply.at)

    def _run(self, region: str) -> None:
        number = 0
        while not self._stopping.is_set():
            target = self._targets[number % len(self._targets)]
            self.replies.append(self._clients.ask(region, target))
            number += 1
            self._stopping.wait(self._pause)


def served_by(replies: Sequence[Reply]) -> dict[str, int]:
    """Requests by the cluster that answered."""
    counted = Counter(reply.cluster for reply in replies if not reply.failed)
    return dict(sorted(counted.items()))


def shift_seconds(replies: Sequence[Reply], killed_at: float, dead: str) -> float:
    """From the kill to the first request after which none fails or meets the dead cluster."""
    bad = [reply.at for reply in replies if reply.failed or reply.cluster == dead]
    after = [at for at in bad if at > killed_at]
    if not after:
        return 0.0
    last = max(after)
    good = [reply.at for reply in replies if reply.at > last]
    return (min(good) if good else last) - killed_at
