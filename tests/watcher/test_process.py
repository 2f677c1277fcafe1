"""The process beside a cluster: starts by its environment alone, tells, drains, comes back."""

import subprocess
import sys

import pytest

from fedingress.adapters.kube.resources import CLUSTER_PROFILE, FEDERATION_POLICY
from fedingress.adapters.signing import is_signed, new_pair
from fedingress.domain import names
from fedingress.domain.event import decode
from tests.adapters.kube.running import running_cluster
from tests.contract.sources_suite import ingress, ingress_class, policy
from tests.localcloud.pubsub.servers import Desk, running
from tests.watcher.links import until
from tests.watcher.processes import OWNER, QUICK, Follower, Watcher, kubeconfig, watcher

pytestmark = [pytest.mark.wire, pytest.mark.slow]


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
    with running_cluster(bookmark_seconds=0.5) as made:
        yield made


@pytest.fixture
def settings(desk, place, cluster, tmp_path):
    """A member's; the topic is there."""
    desk.topic("changes")
    return {
        "FEDINGRESS_WATCH": "member",
        "FEDINGRESS_CLUSTER": "gke-us",
        "FEDINGRESS_OWNER": OWNER,
        "FEDINGRESS_BUS": f"pubsub:{desk.project}/changes",
        "FEDINGRESS_PUBSUB_ENDPOINT": f"http://{place.endpoint}",
        "FEDINGRESS_KUBECONFIG": str(kubeconfig(tmp_path, cluster)),
        "FEDINGRESS_CHECKPOINT": str(tmp_path / "checkpoint.json"),
        **QUICK,
    }


@pytest.fixture
def follower(desk):
    with Follower(desk, desk.topic("changes"), lambda unit: unit) as made:
        yield made


def service(name="web", port=80) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": port}]},
    }


def copied(name="shop", *, owner=OWNER) -> dict:
    """The copy of shop/NAME in a member, with `web` behind it."""
    found = ingress(name=name)
    found["spec"]["ingressClassName"] = names.MEMBER_CLASS
    found["metadata"]["labels"] = {names.OWNER: owner, names.OWNER_UID: f"uid-{name}"}
    found["metadata"]["annotations"] = {names.SOURCE: f"shop/{name}"}
    return found


def test_a_member_tells_what_matters_to_its_sources(cluster, settings, follower, tmp_path):
    """Copies and the Services that they name; nothing of users' own, nor of another owner."""
    cluster.put(copied("theirs", owner="another"))
    cluster.put(ingress(name="users-own"))
    with watcher(tmp_path, **settings) as process:
        assert until(process.ready)
        cluster.put(copied())
        assert until(lambda: follower.units() == ["shop/shop"])
        cluster.put(service())
        cluster.put(service("elsewhere"))
        assert until(lambda: follower.units() == ["shop/shop"] * 2)
        cluster.put_status(
            {**copied(), "status": {"loadBalancer": {"ingress": [{"ip": "127.9.0.1"}]}}}
        )
        assert until(lambda: follower.units() == ["shop/shop"] * 3)
        cluster.remove("Ingress", "shop", "shop")
        assert until(lambda: len(follower.events) == 4)
        causes = [event["data"]["cause"] for event in follower.events]

        sources = {event["source"] for event in follower.events}
        assert sources == {f"//fedingress.dev/{OWNER}/cluster/gke-us"}
        assert causes == [
            "member-ingress.seen",
            "service.seen",
            "member-ingress.changed",
            "member-ingress.deleted",
        ]
        figures = process.metrics()
        assert process.get("/healthz")[0] == 200
        assert process.get("/nothing")[0] == 404
    assert figures["fedingress_works_published_total"] == 4
    assert figures["fedingress_works_waiting"] == 0
    assert figures['fedingress_watch_objects{kind="Ingress"}'] == 0
    assert figures['fedingress_watch_objects{kind="Service"}'] == 2
    assert figures['fedingress_watch_events_total{kind="Ingress"}'] == 3


def test_a_config_cluster_tells_of_its_sources(cluster, settings, follower, tmp_path):
    """Ingresses of a class of ours, and what they follow from, signed with the cluster's key."""
    cluster.define(CLUSTER_PROFILE, FEDERATION_POLICY)
    cluster.put(ingress_class())
    pem, public = new_pair()
    (tmp_path / "key.pem").write_text(pem)
    mine = settings | {"FEDINGRESS_WATCH": "config", "FEDINGRESS_CLUSTER": "config"}
    mine["FEDINGRESS_SIGNING_KEY"] = str(tmp_path / "key.pem")
    with watcher(tmp_path, **mine) as process:
        assert until(process.ready)
        cluster.put(ingress())
        other = ingress(name="other")
        other["spec"]["ingressClassName"] = "nginx"
        cluster.put(other)
        assert until(lambda: follower.units() == ["shop/shop"])
        cluster.put(policy())
        assert until(lambda: follower.units() == ["shop/shop"] * 2)
        assert follower.events[1]["data"]["cause"] == "policy.seen"
        assert all(is_signed(decode(event), public) for event in follower.events)
        assert decode(follower.events[0]).source == f"//fedingress.dev/{OWNER}/cluster/config"


def test_a_restart_tells_only_what_differs(cluster, settings, follower, tmp_path):
    """Killed or stopped, it comes back silent, and tells what changed and went meanwhile."""
    for number in range(30):
        cluster.put(copied(f"i{number}"))
    with watcher(tmp_path, **settings) as process:
        assert until(lambda: len(follower.events) == 30)
        checkpoint = tmp_path / "checkpoint.json"
        assert until(lambda: checkpoint.exists() and '"pending":[]' in checkpoint.read_text())
        for end in (process.kill, process.stop):
            end()
            process.start()
            assert until(process.ready)
            assert follower.quiet(0.7)
        process.kill()
        cluster.remove("Ingress", "shop", "i3")
        changed = copied("i4")
        changed["metadata"]["labels"]["team"] = "new"
        cluster.put(changed)
        process.start()
        assert until(lambda: sorted(follower.units()[30:]) == ["shop/i3", "shop/i4"])
        assert follower.quiet(0.5)


def test_without_a_checkpoint_everything_is_told_once_slowly(cluster, settings, follower, tmp_path):
    """A spoilt file costs a sweep; a change that comes meanwhile does not wait for its end."""
    for number in range(700):
        cluster.put(copied(f"i{number}"))
    (tmp_path / "checkpoint.json").write_text('{"format": 1, "subject": "another"}')
    with watcher(tmp_path, **settings) as process:
        assert until(lambda: len(follower.events) >= 500)
        cluster.put(copied("now"))
        assert until(lambda: "shop/now" in follower.units(), seconds=20)
        assert len(follower.events) < 701
        assert "checkpoint" in process.said()
    assert until(lambda: len(set(follower.units())) == 701)


def test_a_stop_publishes_what_waits(cluster, settings, follower, tmp_path):
    """SIGTERM within the debounce: the change is told, and the process ends with 0."""
    slow = settings | {"FEDINGRESS_DEBOUNCE_SECONDS": "60"}
    with watcher(tmp_path, **slow) as process:
        assert until(process.ready)
        cluster.put(copied())
        assert until(lambda: process.metrics()["fedingress_works_waiting"] == 1)
        assert process.stop() == 0
        assert until(lambda: follower.units() == ["shop/shop"])


def test_what_no_topic_took_is_kept_over_a_restart(cluster, settings, desk, place, tmp_path):
    """Stopped while the topic was missing: the works stand in the checkpoint and come after it."""
    gone = settings | {"FEDINGRESS_BUS": f"pubsub:{desk.project}/missing"}
    with watcher(tmp_path, **gone) as process:
        assert until(process.ready)
        cluster.put(copied())
        assert until(lambda: process.metrics()["fedingress_works_publish_failures_total"] >= 1)
        assert process.get("/healthz")[0] == 200
        assert process.stop() == 0
        assert "1 works were not published" in process.said()
        cluster.remove("Ingress", "shop", "shop")
        with Follower(desk, desk.topic("missing"), lambda unit: unit) as late:
            process.start()
            assert until(lambda: late.units() == ["shop/shop"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"FEDINGRESS_WATCH": ""}, "FEDINGRESS_WATCH is not set"),
        ({"FEDINGRESS_CLUSTER": ""}, "FEDINGRESS_CLUSTER is not set"),
        ({"FEDINGRESS_CLUSTER": "a b"}, "not the name of a cluster"),
        ({"FEDINGRESS_WATCH": "both"}, "not config or member"),
        ({"FEDINGRESS_BUS": "inprocess:"}, "which nobody else hears"),
        ({"FEDINGRESS_HEALTH": "127.0.0.1:99999"}, "cannot be served"),
        ({"FEDINGRESS_CHECKPOINT": "/nowhere/at/all"}, "there is no directory"),
        ({"FEDINGRESS_KUBECONFIG": "/nowhere"}, "there is no such file"),
        ({"FEDINGRESS_SIGNING_KEY": "/nowhere"}, "signing key /nowhere cannot be read"),
    ],
)
def test_wrong_settings_are_told(settings, tmp_path, changes, words):
    """One line a fault on standard error, exit status 1, and nothing is started."""
    made = Watcher(tmp_path, settings | changes)
    done = subprocess.run(
        [sys.executable, "-m", "fedingress.runtime.watcher"],
        env=made._env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
