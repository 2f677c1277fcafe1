"""
One fan-out invocation to many members, against its bare requests.

The API servers are in another process, over TLS; the clients are the real ones. The very requests
that the invocation sent are then sent again by a plain thread pool through the same connections,
with nothing around them: no planning, no decoding, no store. What they made is deleted in between,
so that both create the same.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import urllib3

from fedingress.adapters.kube import connect
from fedingress.adapters.kube.clusters import KubeMemberClusters
from fedingress.adapters.kube.sources import KubeSources
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.domain.member import INGRESS, SERVICE
from fedingress.domain.work import Work
from fedingress.ports import Ports
from fedingress.ports.guard import Unguarded
from fedingress.ports.ledger import Ledger
from fedingress.runtime.clock import SystemClock
from fedingress.runtime.dispatch import reconciler
from fedingress.runtime.invoke import invoke
from fedingress.runtime.parallel import Threads
from fedingress.runtime.queue import WorkQueue
from tests.bench.figures import Figure
from tests.bench.world import Silence

ROOT = Path(__file__).parents[2]
WIDTH = 32
RATIO_TARGET = 3.0
Request = tuple[Any, tuple[Any, ...], dict[str, Any]]
"""The pool it went through, and the arguments."""


def measure(members: int = 50, *, rounds: int = 6) -> list[Figure]:
    """Seconds of the first, a warm and an unchanged invocation, and their bare requests."""
    with contextlib.ExitStack() as stack:
        fanout = stack.enter_context(_fanout(members, rounds))
        first, _ = fanout.run(0)
        made: list[float] = []
        bare: list[float] = []
        same: list[float] = []
        looks: list[float] = []
        for number in range(1, rounds):
            seconds, requests = fanout.run(number)
            made.append(seconds)
            fanout.empty()
            bare.append(_bare(requests, fanout.config_pool))
            fanout.run(number)
            seconds, requests = fanout.run(number)
            same.append(seconds)
            looks.append(_bare(requests, fanout.config_pool))
    return [
        _seconds(f"fanout.members.{members}.first", first),
        *_ratio(f"fanout.members.{members}", made, bare),
        *_ratio(f"fanout.members.{members}.unchanged", same, looks),
    ]


def _ratio(name: str, ours: Sequence[float], bare: Sequence[float]) -> list[Figure]:
    return [
        _seconds(f"{name}.seconds", min(ours)),
        _seconds(f"{name}.bare", min(bare)),
        Figure(
            name=f"{name}.ratio",
            value=round(min(ours) / min(bare), 2),
            unit="times",
            base="bare requests",
            target=RATIO_TARGET,
        ),
    ]


def _seconds(name: str, value: float) -> Figure:
    return Figure(name=name, value=round(value, 4), unit="s")


class _Fanout:
    """A warm instance of the concern, and what its clients send."""

    def __init__(self, ports: Ports, queue: WorkQueue, sources: KubeSources) -> None:
        self._ports = ports
        self._queue = queue
        self.config_pool = sources.connection._client.rest_client.pool_manager

    def run(self, number: int) -> tuple[float, list[Request]]:
        """One invocation for the Ingress of that number: seconds, and every request of it."""
        work = Work(concern="fanout", unit=f"shop/shop-{number}", cause="repair")
        with _recorded() as requests:
            began = time.perf_counter()
            invoke(
                work,
                f"bench-{time.monotonic_ns()}",
                queue=self._queue,
                bus=self._ports.bus,
                reconcile=reconciler("fanout", self._ports),
            )
            return time.perf_counter() - began, requests

    def empty(self) -> None:
        """Delete everything of ours in every member."""
        members = self._ports.sources.inventory().members

        def one(member: Any) -> None:
            for kind in (INGRESS, SERVICE):
                for item in self._ports.clusters.list(member, kind, "shop"):
                    if "fedingress.dev/owner-uid" in item.manifest["metadata"].get("labels", {}):
                        self._ports.clusters.delete(member, item, guard=Unguarded())

        by_name = {member.name: member for member in members}
        self._ports.parallel.each(by_name, lambda name: one(by_name[name]))


@contextlib.contextmanager
def _fanout(members: int, ingresses: int) -> Iterator[_Fanout]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(_servers(members, ingresses, folder))
        connection = connect.from_kubeconfig(str(folder / "kubeconfig"), concern="bench")
        stack.callback(connection.close)
        sources = KubeSources(connection)
        clusters = KubeMemberClusters(sources.read_token, concern="bench")
        stack.callback(clusters.close)
        threads = Threads(WIDTH)
        stack.callback(threads.close)
        store = SqliteStore(folder / "state.db")
        stack.callback(store.close)
        nothing: dict[str, Any] = dict.fromkeys(
            ("load_balancers", "record_sets", "health_checks", "balancers", "accelerators")
        )
        clock = SystemClock()
        ports = Ports(
            owner="bench",
            sources=sources,
            clusters=clusters,
            ledger=Ledger(store),
            bus=Silence(),
            clock=clock,
            parallel=threads,
            **nothing,
        )
        yield _Fanout(ports, WorkQueue(store, clock), sources)


@contextlib.contextmanager
def _servers(members: int, ingresses: int, folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.bench.servers"]
    process = subprocess.Popen(
        [*command, str(members), str(ingresses), str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError("the API servers did not start")
        yield
    finally:
        process.communicate()


@contextlib.contextmanager
def _recorded() -> Iterator[list[Request]]:
    """Every request that any client sends meanwhile."""
    requests: list[Request] = []
    real = urllib3.PoolManager.request

    def request(pool: Any, *words: Any, **more: Any) -> Any:
        requests.append((pool, words, more))
        return real(pool, *words, **more)

    with mock.patch.object(urllib3.PoolManager, "request", request):
        yield requests


def _bare(requests: Sequence[Request], config_pool: Any) -> float:
    """
    Seconds to send *requests* again, as parallel as they can be.

    A member's own requests follow one another, as each waits for the last one's answer; those to
    the config cluster wait for nothing.
    """
    chains: dict[Any, list[Request]] = defaultdict(list)
    for number, each in enumerate(requests):
        chains[number if each[0] is config_pool else id(each[0])].append(each)
    with ThreadPoolExecutor(WIDTH) as pool:
        list(pool.map(_nothing, range(WIDTH)))  # its threads are there before the time counts
        began = time.perf_counter()
        list(pool.map(_send, chains.values()))
        return time.perf_counter() - began


def _nothing(_: int) -> None:
    """Start a thread."""


def _send(chain: Sequence[Request]) -> None:
    for pool, words, more in chain:
        answer = pool.request(*words, **more)
        answer.read()
        answer.release_conn()
