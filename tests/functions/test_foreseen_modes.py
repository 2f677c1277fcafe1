"""
A dry run of another mode, or of another balancing mode: the whole way is shown before it begins.

As `fedingress plan` prints it. What then happens has no other changes than those.
"""

import pytest

from fedingress.cli.plan import plan_lines
from fedingress.runtime.previews import of_source
from tests.functions.world import KEY, World, ingress_manifest, policy_manifest

NODES = {"mode": "instance-group"}
BUSY = {**NODES, "maxUtilization": 0.6}


def served(**backends: object) -> World:
    """The shop, as the policy says."""
    made = World()
    made.install(backends=backends)
    made.submit(ingress_manifest())
    made.settle()
    return made


def planned(made: World, **backends: object) -> list[str]:
    """What `plan` prints of the graph once the policy is edited; asking writes nothing."""
    made.sources.put(policy_manifest(backends=backends))
    mark = made.mark()
    lines = plan_lines(of_source(KEY, made.ports).plans["backends"])
    assert made.since(mark) == []
    return lines


def done(made: World) -> set[str]:
    """The changes of the graph that are made when the policy is followed, as `plan` has them."""
    calls = len(made.load_balancers.calls)
    made.tell("fanout", "shop/shop")
    made.settle()
    signs = {"create": "+", "update": "~", "delete": "-"}
    return {f"{signs[verb]} {label}" for verb, label in made.load_balancers.calls[calls:]}


@pytest.mark.parametrize(("first", "then"), [({}, NODES), (NODES, {})])
def test_another_mode_is_shown_from_the_new_backend_services_to_the_end_of_the_old(first, then):
    """New checks and services, moved paths, old ones gone, and for what each path waits."""
    made = served(**first)
    old = {path.partition("/")[2] for path in made.graph() if path.startswith("backendServices/")}
    lines = planned(made, **then)
    changes = {line.partition("  (")[0] for line in lines if not line.startswith("!")}
    waits = [line for line in lines if line.startswith("!")]
    # What is new grows member by member.
    happened = {f"+{each[1:]}" if f"+{each[1:]}" in changes else each for each in done(made)}
    happened = {each for each in happened if "instanceGroups" not in each}
    new = {path.partition("/")[2] for path in made.graph() if path.startswith("backendServices/")}

    assert {f"- lab: backendServices {name}" for name in old} <= changes
    assert {f"+ lab: backendServices {name}" for name in new} <= changes
    assert [line for line in changes if line.startswith("~ lab: urlMaps ")]
    assert happened == changes
    assert len(waits) == 2
    for line, port in zip(waits, ("api:80", "web:80"), strict=True):
        mode = then.get("mode", "neg")
        assert line.startswith(f"! {port} goes over to mode {mode} once gke-eu, gke-us can")
        assert any(f"{name} serves until then, and leaves" in line for name in old)


def test_another_balancing_mode_is_shown_member_by_member():
    """The order is that in which it then happens."""
    made = served(**NODES)
    lines = planned(made, **BUSY)
    gone: list[str] = []

    def look(moment: str, verb: str, label: str) -> None:
        if (moment, verb) == ("after", "update") and "backendServices" in label:
            for path, spec in made.graph().items():
                if path.startswith("backendServices/"):
                    there = {entry["group"].split("/")[3] for entry in spec["backends"]}
                    for name, zone in (("gke-eu", "europe-west1-a"), ("gke-us", "us-central1-a")):
                        if zone not in there and name not in gone:
                            gone.append(name)

    made.load_balancers.fault = look
    done(made)
    steps = [line for line in lines if "balancing mode, step" in line]

    assert [line.split(": ")[1].split(" ")[0] for line in steps] == gone == ["gke-eu", "gke-us"]
    assert all("attached again in UTILIZATION" in line for line in steps)
