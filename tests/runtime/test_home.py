"""One instance: wired when it must be, once, and ended without a trace."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fedingress.adapters.directory import DirectorySources
from fedingress.adapters.kube.clusters import KubeMemberClusters
from fedingress.adapters.kube.sources import KubeSources
from fedingress.domain.errors import Invalid, Unavailable
from fedingress.domain.work import REPAIR, Work
from fedingress.runtime import wire
from fedingress.runtime.home import Home, log_to_stderr
from fedingress.runtime.queue import Acknowledged, NotYet
from fedingress.runtime.settings import Settings
from tests.localcloud.gce import until

WORK = Work(concern="fanout", unit="shop/shop", cause="ingress.changed")
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "https://127.0.0.1:9"}}]
contexts: [{name: c, context: {cluster: c, user: c}}, {name: d, context: {cluster: c, user: c}}]
users: [{name: c, user: {token: t}}]
"""


@pytest.fixture
def settings(tmp_path):
    """A directory without anything in it."""
    (tmp_path / "sources").mkdir()
    return Settings(
        sources=f"directory:{tmp_path / 'sources'}", store=f"sqlite:{tmp_path / 'state.db'}"
    )


@pytest.fixture
def lost(tmp_path):
    """A config cluster whose kubeconfig is missing."""
    return Settings(kubeconfig=str(tmp_path / "missing"), store=f"sqlite:{tmp_path / 'state.db'}")


def test_a_covered_delivery_needs_the_store_only(lost):
    """While another instance is at work, deliveries are answered without wiring anything."""
    with Home(lost) as other, Home(lost) as home:
        other.queue.take(WORK, "first")

        assert isinstance(home.run(WORK, "first"), NotYet)
        assert isinstance(home.run(WORK, "second"), Acknowledged)
        assert isinstance(home.run(WORK, "third"), Acknowledged)
        assert home.queue.state("fanout", "shop/shop").wanted == 2
        assert home._wired is None


def test_work_that_cannot_be_wired_stays_due(lost):
    """A missing kubeconfig is told, the event is taken, and the need for the run is kept."""
    with Home(lost) as home:
        assert isinstance(home.run(WORK, "first"), Acknowledged)
        state = home.queue.state("fanout", "shop/shop")
        assert (state.done, state.attempts) == (0, 1)
        assert "missing" in state.result["why"]
        assert state.due_at is not None

        with pytest.raises(Invalid, match="missing"):
            home.tick()


def test_ports_are_wired_once(settings, monkeypatch):
    """Eight threads that ask at the same time get the same ports."""
    made, real = [], wire.wire
    monkeypatch.setattr(wire, "wire", lambda *a, **k: made.append(1) or real(*a, **k))
    barrier = threading.Barrier(8, timeout=10)

    def ask(home):
        barrier.wait()
        return home.ports

    with Home(settings) as home, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, [home] * 8))

    assert len(made) == 1
    assert all(ports is found[0] for ports in found)


def test_settings_choose_the_adapters(settings, tmp_path):
    """A directory or a config cluster; members by their API servers either way."""
    with Home(settings) as home:
        assert isinstance(home.ports.sources, DirectorySources)
        assert isinstance(home.ports.clusters, KubeMemberClusters)
        assert home.ports.owner == "default"
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    config = Settings(
        owner="lab",
        kubeconfig=str(tmp_path / "kubeconfig"),
        context="d",
        inventory_namespace="members",
        store="memory:",
    )
    with Home(config) as home:
        sources = home.ports.sources
        assert isinstance(sources, KubeSources)
        assert sources.inventory_namespace == "members"
        assert home.ports.owner == "lab"


def test_a_context_that_is_not_there_is_told(tmp_path):
    """The kubeconfig is there, the context is not."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    settings = Settings(kubeconfig=str(tmp_path / "kubeconfig"), context="nowhere", store="memory:")
    with Home(settings) as home, pytest.raises(Invalid, match="nowhere"):
        _ = home.ports


def test_a_store_whose_folder_cannot_be_made_is_told(tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match="FEDINGRESS_STORE"):
        Home(Settings(store=f"sqlite:{tmp_path / 'file' / 'deep' / 'state.db'}"))


def test_closing_ends_every_thread(settings):
    """No thread of an instance outlives it, its bus takes nothing more, and twice is harmless."""
    before = set(threading.enumerate())
    home = Home(settings)
    home.ports.parallel.each(range(8), lambda number: number)
    home.run(WORK, "first")
    assert set(threading.enumerate()) - before
    home.close()
    home.close()

    assert set(threading.enumerate()) <= before
    with pytest.raises(Unavailable):
        home.bus.publish([WORK])


def test_what_is_published_runs_here(settings):
    """Follow-up work of any concern is delivered in the same process."""
    with Home(settings) as home:
        for concern in ("fanout", "status"):
            home.bus.publish([Work(concern=concern, unit="shop/shop", cause="test")])
        until(
            lambda: all(home.queue.state(c, "shop/shop").done for c in ("fanout", "status")),
            "both to run",
        )


def test_a_repair_gives_plan_answer_and_what_is_left(settings):
    """Dry it is the plan; applied it says how the run ended, and plans again."""
    work = Work(concern="fanout", unit="shop/shop", cause=REPAIR)
    with Home(settings) as home:
        dry = home.repair(work, dry_run=True)
        assert dry == {
            "concern": "fanout",
            "unit": "shop/shop",
            "dry_run": True,
            "changes": [],
            "held": [],
        }
        done = home.repair(work, dry_run=False)
        assert done == dry | {"dry_run": False, "answer": done["answer"], "left": []}
        assert done["answer"]
        assert home.queue.state("fanout", "shop/shop").done == 1


def test_the_log_is_sent_once(capsys):
    """Asked for twice, each line is written once, at the level that was asked for last."""
    log = logging.getLogger("fedingress")
    before = (log.handlers[:], log.level, log.propagate)
    log.handlers.clear()
    try:
        log_to_stderr("INFO")
        log_to_stderr("WARNING")
        log.info("quiet")
        log.warning("loud")
    finally:
        log.handlers[:], log.level, log.propagate = before

    assert capsys.readouterr().err == "loud\n"
