"""
The real process through everything that may befall it: whoever follows its events ends knowing all.

Somebody looks at a unit whenever an event names it, as `fanout` does; at the end what was seen must
be what is. A seed is replayed by `WATCHER_SEEDS=7 python -m pytest tests/watcher/test_chaos.py -s`.
"""

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from fedingress.domain import names
from fedingress.watcher.relevance import digest
from tests.adapters.kube.running import running_cluster
from tests.localcloud.pubsub.servers import Desk, running
from tests.watcher.links import Link, until
from tests.watcher.processes import OWNER, QUICK, Follower, Watcher, kubeconfig, watcher
from tests.watcher.test_process import copied, service

pytestmark = [pytest.mark.wire, pytest.mark.slow]

SEEDS = [int(seed) for seed in os.environ.get("WATCHER_SEEDS", "7").split(",")]
SECONDS = 8.0
BOUND_SECONDS = 45.0
"""A silent link (2 s here), the longest wait after failures (30 s), a publication (10 s)."""
CEILING_KILOBYTES = 192 * 1024
"""With 10,000 objects, all of them waiting; the pods of our manifests may use 256 MiB."""
NAMES = 40
BRIEF = ("cut", "compact", "gone", "errors", "abort", "swap")
FAULTS = (*BRIEF, "silence", "outage", "kill", "kill")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with running("stand-in", tmp_path_factory.mktemp("pubsub") / "log") as found:
        yield found


@pytest.fixture
def desk(place):
    made = Desk(place)
    yield made
    made.close()


@pytest.fixture
def cluster():
    with running_cluster(history=300, bookmark_seconds=0.5) as made:
        yield made


@pytest.fixture
def links(cluster, place):
    """To the API server, and to the topic."""
    port = int(place.endpoint.rsplit(":", 1)[1])
    made = Link(cluster._loop, cluster.port), Link(cluster._loop, port)
    yield made
    for link in made:
        link.close()


@pytest.fixture
def settings(desk, cluster, links, tmp_path):
    desk.topic("changes")
    return {
        "FEDINGRESS_WATCH": "member",
        "FEDINGRESS_CLUSTER": "gke-us",
        "FEDINGRESS_OWNER": OWNER,
        "FEDINGRESS_BUS": f"pubsub:{desk.project}/changes",
        "FEDINGRESS_PUBSUB_ENDPOINT": f"http://127.0.0.1:{links[1].port}",
        "FEDINGRESS_KUBECONFIG": str(kubeconfig(tmp_path, cluster, port=links[0].port)),
        "FEDINGRESS_CHECKPOINT": str(tmp_path / "checkpoint.json"),
        **QUICK,
    }


class World:
    """What is there: copies `iN`, each with a Service `sN` behind it."""

    def __init__(self, cluster, chance: random.Random) -> None:
        self.cluster = cluster
        self.chance = chance
        self.writes = 0

    def copy(self, number: int) -> dict:
        found = copied(f"i{number}")
        backend = found["spec"]["rules"][0]["http"]["paths"][0]["backend"]
        backend["service"]["name"] = f"s{number}"
        found["metadata"]["labels"]["write"] = str(self.writes)
        return found

    def write(self) -> None:
        """One change of a user or a controller, or one that matters to nobody."""
        self.writes += 1
        number = self.chance.randrange(NAMES)
        match self.chance.choices(range(5), (4, 3, 2, 1, 1))[0]:
            case 0:
                self.cluster.put(self.copy(number))
            case 1:
                self.cluster.put(service(f"s{number}", port=self.writes % 30000 + 1))
            case 2:
                self.cluster.remove("Ingress", "shop", f"i{number}")
            case 3:
                self.cluster.remove("Service", "shop", f"s{number}")
            case _:
                self.cluster.put(service(f"unrelated{number}", port=self.writes % 30000 + 1))

    def swap(self) -> None:
        """In one step of the server's loop: another object of the same name, and no history."""
        made = self.copy(self.chance.randrange(NAMES))
        inner = self.cluster.cluster
        inner.cut_watches()
        inner.remove("ingresses.networking.k8s.io", "shop", made["metadata"]["name"])
        inner.put(made, manager="another")
        inner.compact()

    def compact(self) -> None:
        inner = self.cluster.cluster
        inner.cut_watches()
        inner.put(self.copy(self.chance.randrange(NAMES)), manager="kubectl")
        inner.compact()

    def truth(self, unit: str) -> object:
        """What `fanout` would find of one source here; None when there is no copy."""
        name = unit.removeprefix("shop/")
        found = self.cluster.get("Ingress", "shop", name)
        if found is None:
            return None
        behind = self.cluster.get("Service", "shop", f"s{name[1:]}")
        return digest(found), behind and digest(behind)

    def everything(self) -> dict[str, object]:
        units = [
            f"shop/{item['metadata']['name']}"
            for item in self.cluster.list("Ingress")
            if names.OWNER_UID in item["metadata"]["labels"]
        ]
        return {unit: self.truth(unit) for unit in units}


class Misfortune:
    """One fault at a time, by chance; `end` heals all."""

    def __init__(self, world: World, links: tuple[Link, Link], process: Watcher) -> None:
        self.met: Counter[str] = Counter()
        self._world = world
        self._api, self._topic = links
        self._process = process
        self._heal: list[tuple[float, Link]] = []
        # Each fault once, in an order drawn, and then by chance.
        self._deck = world.chance.sample(FAULTS, len(FAULTS))

    def strike(self) -> None:
        for due, link in list(self._heal):
            if time.monotonic() > due:
                link.flow()
                self._heal.remove((due, link))
        if self._world.chance.random() > 0.03:
            return
        fault = self._deck.pop() if self._deck else self._world.chance.choice(BRIEF)
        self.met[fault] += 1
        getattr(self, f"_{fault}")()

    def _cut(self) -> None:
        self._world.cluster.do(self._world.cluster.cluster.cut_watches)

    def _compact(self) -> None:
        self._world.cluster.do(self._world.compact)

    def _swap(self) -> None:
        self._world.cluster.do(self._world.swap)

    def _gone(self) -> None:
        self._world.cluster.fault(path="watch=true", status=410)
        self._cut()

    def _errors(self) -> None:
        status = self._world.chance.choice([429, 500, 503])
        self._world.cluster.fault(status=status, times=3)
        self._cut()

    def _abort(self) -> None:
        self._world.cluster.fault(abort_after=True, times=2)
        self._cut()

    def _silence(self) -> None:
        self._quieten(self._api, 2.5)

    def _outage(self) -> None:
        self._quieten(self._topic, 3.0)

    def _kill(self) -> None:
        self._process.restart()

    def end(self) -> None:
        for link in (self._api, self._topic):
            link.flow()
        self._world.cluster.do(self._world.cluster.cluster.faults.clear)

    def _quieten(self, link: Link, seconds: float) -> None:
        if all(each is not link for _, each in self._heal):
            link.silence()
            self._heal.append((time.monotonic() + seconds, link))


@pytest.mark.parametrize("seed", SEEDS)
def test_it_converges_through_chaos(cluster, settings, links, desk, seed):
    """Every kind of fault, kills and outages of the topic: at the end all is known, in time."""
    world = World(cluster, random.Random(seed))
    for _ in range(100):
        world.write()
    follower = Follower(desk, desk.topic("changes"), world.truth)
    folder = Path(settings["FEDINGRESS_CHECKPOINT"]).parent
    with watcher(folder, **settings) as process, follower:
        assert until(process.ready, seconds=60)
        misfortune = Misfortune(world, links, process)
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends or misfortune._deck:
            world.write()
            misfortune.strike()
            time.sleep(0.004)
        misfortune.end()
        began = time.monotonic()
        agreed = until(lambda: follower.seen == world.everything(), seconds=BOUND_SECONDS)
        took = time.monotonic() - began
        figures = process.metrics() if not process.ended else {}
        errors = sum(value for name, value in figures.items() if "watch_errors" in name)
        print(
            f"\nseed {seed}: {world.writes} writes, {dict(misfortune.met)}, "
            f"{len(follower.events)} events, {errors:g} errors since the last start, "
            f"{'agreed' if agreed else 'DIFFERENT'} after {took:.1f} s"
        )
        truth = world.everything()
        differing = {
            unit for unit in {*truth, *follower.seen} if truth.get(unit) != follower.seen.get(unit)
        }
        for unit in sorted(differing):
            print(unit, "is", truth.get(unit), "was seen as", follower.seen.get(unit))
        assert not differing, (seed, misfortune.met, process.said()[-2000:])
        assert set(FAULTS) == set(misfortune.met)
        assert len(truth) > 5


def test_ten_thousand_objects_and_no_topic(cluster, settings, desk, tmp_path):
    """Memory stays under its ceiling, and grows no more however often all of them change."""
    away = settings | {"FEDINGRESS_BUS": f"pubsub:{desk.project}/missing"}
    with watcher(tmp_path, **away) as process:
        assert until(process.ready, seconds=60)
        empty = process.memory()
        count = 10_000
        written = 0

        def change_all(write: int) -> None:
            nonlocal written
            for number in range(count):
                made = copied(f"i{number}")
                made["metadata"]["labels"]["write"] = str(write)
                cluster.cluster.put(made, manager="kubectl")
            written += count

        def all_seen() -> bool:
            told = process.metrics()
            return (
                told["fedingress_works_relevant_total"] >= written
                and told["fedingress_works_waiting"] == count
            )

        cluster.do(lambda: change_all(0))
        assert until(all_seen, seconds=150)
        full = process.memory()
        cluster.do(lambda: change_all(1))
        assert until(all_seen, seconds=150)
        changed = process.memory()
        process.restart()
        assert until(lambda: process.metrics()["fedingress_works_waiting"] == count, seconds=150)
        assert until(process.ready, seconds=150)
        again = process.memory()
        print(
            f"\nMB: empty {empty >> 10}, full {full >> 10}, changed {changed >> 10}, "
            f"restarted {again >> 10}"
        )
        assert max(full, changed, again) < CEILING_KILOBYTES
        assert changed - full < (full - empty) / 2 + 10 * 1024
        assert process.get("/healthz")[0] == 200
