"""Readiness probes of pods, from the members to the health check and the conditions."""

import dataclasses

import pytest

from fedingress.domain.graph import Kind
from tests.functions.test_life import conditions, table
from tests.functions.world import KEY, World, ingress_manifest, policy_manifest

MEMBERS = ("gke-us", "gke-eu")


def run(world: World, cluster: str, path: str, *, port: int = 8080, name: str = "web-1") -> None:
    """A pod of the web Service stands there and is asked for *path*."""
    get = {"path": path, "port": port}
    container = {
        "name": "web",
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": get, "periodSeconds": 7, "timeoutSeconds": 3},
    }
    world.members[cluster].put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "labels": {"app": "web"}},
            "spec": {"containers": [container]},
        }
    )


def resync(world: World) -> None:
    """The tick has fan-out look again."""
    world.tell("fanout", str(KEY), "resync")
    world.settle(within_seconds=120)


def paths(world: World) -> list[str]:
    """What the health checks ask for, sorted."""
    graph = world.graph()
    checks = [spec for name, spec in graph.items() if name.startswith("healthChecks/")]
    return sorted(spec["httpHealthCheck"]["requestPath"] for spec in checks)


@pytest.fixture
def world():
    """The shop in two members, whose web pods are asked for /ready."""
    made = World()
    made.install()
    made.sources.put(policy_manifest(backends={}))
    for cluster in MEMBERS:
        run(made, cluster, "/ready")
    made.submit(ingress_manifest())
    made.settle()
    return made


def test_the_health_check_asks_what_the_probe_asks(world):
    """Path, interval and timeout are the probe's; a Service without pods has the defaults."""
    checks = [spec for name, spec in world.graph().items() if name.startswith("healthChecks/")]
    times = {(spec["checkIntervalSec"], spec["timeoutSec"]) for spec in checks}

    assert paths(world) == ["/", "/ready"]
    assert times == {(15, 15), (7, 3)}
    assert conditions(world)["Degraded"]["status"] == "False"


def test_an_edit_counts_from_the_next_resync_once_the_members_agree(world):
    """One alone is told, with both words and the choice, and changes nothing."""
    run(world, "gke-us", "/healthz")
    resync(world)
    alone, degraded = paths(world), conditions(world)["Degraded"]
    run(world, "gke-eu", "/healthz")
    resync(world)

    assert alone == ["/", "/ready"]
    assert degraded["reason"] == "ProbeConflict"
    assert "/healthz every 7 s within 3 s in gke-us" in degraded["message"]
    assert "/ready every 7 s within 3 s in gke-eu" in degraded["message"]
    assert "the health check is /ready" in degraded["message"]
    assert paths(world) == ["/", "/healthz"]
    assert conditions(world)["Degraded"]["status"] == "False"


def test_the_last_word_stays_while_nobody_says_another(world):
    """Pods that are gone, a member that is down and one that refuses us take nothing back."""
    for cluster in MEMBERS:
        world.members[cluster].remove("Pod", "shop", "web-1")
    resync(world)
    scaled = paths(world)
    for cluster in MEMBERS:
        world.members[cluster].down = True
    resync(world)

    assert scaled == paths(world) == ["/", "/ready"]


def test_a_lost_store_and_silent_members_change_no_check(world):
    """What stands is the only word that is left."""
    for cluster in MEMBERS:
        world.members[cluster].down = True
    world.lose_store()
    resync(world)

    assert paths(world) == ["/", "/ready"]


def test_a_probe_that_is_not_used_is_told_in_the_members_row(world):
    """The row is well all the same, and the check falls back to its defaults."""
    for cluster in MEMBERS:
        run(world, cluster, "/admin", port=9000)
    resync(world)
    row = table(world)["gke-us"]

    assert row["reason"] == "Applied"
    assert "the readiness probe behind web:80 is not used: it asks port 9000" in row["message"]
    assert paths(world) == ["/", "/"]


def test_the_policy_is_above_probes_field_by_field(world):
    """Its path is taken, the probe's interval stays."""
    world.sources.put(policy_manifest(backends={"healthCheck": {"path": "/policy"}}))
    world.tell("fanout", str(KEY), "policy.changed")
    world.settle()
    checks = [spec for name, spec in world.graph().items() if name.startswith("healthChecks/")]

    assert paths(world) == ["/policy", "/policy"]
    assert {spec["checkIntervalSec"] for spec in checks} == {7, 15}


def test_what_an_operator_sets_on_the_check_survives_an_edit(world):
    """Thresholds and logs are nobody's but theirs."""
    found = world.load_balancers.observe("lab", (Kind.HEALTH_CHECK,), "fedingress-")
    tuned = {"healthyThreshold": 4, "logConfig": {"enable": True}}
    for item in found:
        world.load_balancers.put(dataclasses.replace(item, spec={**item.spec, **tuned}))
    for cluster in MEMBERS:
        run(world, cluster, "/healthz")
    resync(world)
    checks = [spec for name, spec in world.graph().items() if name.startswith("healthChecks/")]

    assert paths(world) == ["/", "/healthz"]
    assert all(spec["healthyThreshold"] == 4 and spec["logConfig"]["enable"] for spec in checks)
