"""The benchmark on tiny sizes: every part gives its figures, and they are written as promised."""

import json
import sys
from pathlib import Path

import pytest

from infra import stage
from tests.bench import __main__ as bench
from tests.bench import doors, events, graph, homes, members, unchanged, zones
from tests.bench.figures import Figure, lines, table, write
from tests.bench.world import many

pytestmark = pytest.mark.slow


def by_name(figures):
    found = {figure.name: figure for figure in figures}
    assert len(found) == len(figures)
    assert all(figure.unit and figure.value >= 0 for figure in figures)
    return found


def test_fan_out_is_measured_against_its_bare_requests():
    """Seconds and a ratio to the bare requests, for a first, a warm and an unchanged run."""
    found = by_name(members.measure(2, rounds=2))

    assert set(found) == {
        "fanout.members.2.first",
        "fanout.members.2.seconds",
        "fanout.members.2.bare",
        "fanout.members.2.ratio",
        "fanout.members.2.unchanged.seconds",
        "fanout.members.2.unchanged.bare",
        "fanout.members.2.unchanged.ratio",
    }
    ratio = found["fanout.members.2.ratio"]
    assert (ratio.base, ratio.unit, ratio.target) == ("bare requests", "times", 3.0)
    assert ratio.value > 0  # on a busy machine the bare requests may meet the worse moment


def test_the_measured_fan_out_writes_every_member():
    """What is recorded is a whole invocation: looks at each member, and writes to it."""
    with members._fanout(2, 1) as fanout:
        _, requests = fanout.run(0)
        sent = [words[0] for pool, words, _ in requests if pool is not fanout.config_pool]
        again = members._bare(requests, fanout.config_pool)
        fanout.empty()
        left = [
            fanout._ports.clusters.list(member, "Ingress", "shop")
            for member in fanout._ports.sources.inventory().members
        ]

    assert sorted(sent) == ["GET"] * 6 + ["PATCH"] * 6
    assert again > 0
    assert left == [[], []]


def test_doors_are_measured_in_fresh_processes():
    """Milliseconds and megabytes, both ways, beside their targets."""
    pytest.importorskip("functions_framework")
    here = {"tick": (Path(sys.executable), stage.FUNCTIONS / "tick")}  # staging takes a minute
    found = by_name(doors.measure(["tick"], runs=2, places=lambda _: here))

    assert {name: (each.unit, each.target) for name, each in found.items()} == {
        "door.tick.aws.import": ("ms", 350.0),
        "door.tick.aws.import.median": ("ms", None),
        "door.tick.aws.memory": ("MB", 90.0),
        "door.tick.gcp.import": ("ms", 700.0),
        "door.tick.gcp.import.median": ("ms", None),
        "door.tick.gcp.memory": ("MB", 130.0),
    }
    assert all(figure.value > 1 for figure in found.values())
    for way in ("aws", "gcp"):
        best, median = (found[f"door.tick.{way}.import{part}"] for part in ("", ".median"))
        assert best.value <= median.value


def test_a_world_at_rest_is_measured():
    """Rates above zero; and an event that changed nothing sends no message and no call."""
    found = by_name(unchanged.measure(2, filed=2, reconciled=2))

    assert found["reconcile.unchanged.rate"].value > 0
    assert found["reconcile.unchanged.directory.rate"].value > 0
    for concern in unchanged.PASS:
        assert found[f"converged.{concern}.messages"].value == 0
        assert found[f"converged.{concern}.changes"].value == 0
        assert found[f"converged.{concern}.store.reads"].value > 0
    assert found["converged.resync.changes"].value == 0


def test_events_are_measured_on_their_way():
    """Latencies by part, and the runs of a burst: at least one a unit, and fewer than events."""
    found = by_name(events.measure(5, burst=200, units=10))

    parts = ("bus", "queue", "settle", "total")
    for part in parts:
        p50, p99 = (found[f"event.embedded.{part}.{each}"].value for each in ("p50", "p99"))
        assert 0 <= p50 <= p99
    runs = found["burst.200.units.10.runs"]
    assert (runs.target, 10 <= runs.value < 200) == (20.0, True)
    assert found["burst.200.units.10.store.writes"].value >= 2 * 10


def test_the_graph_is_measured_by_calls_and_by_time_beside_waits():
    """A converged world costs nothing, an added member one write per backend service."""
    found = {name: figure.value for name, figure in by_name(graph.measure(2, 3)).items()}

    # health check and backend service per path; map, proxy, address, rule; and one firewall
    assert found["graph.create.gce"] == 2 * (2 * 3 + 4) + 1
    assert found["graph.create.waits"] > found["graph.create.beside-waits"] > 0
    assert found["graph.unchanged.gce"] == found["graph.unchanged.members"] == 0
    assert found["graph.member-added.gce"] == 2 * 3
    assert found["graph.member-added.members"] == 2 * (1 + 3)


@pytest.mark.parametrize("directory", [False, True])
def test_the_measured_world_has_converged(directory):
    """Every Ingress has its graph and its record, and its copies are in both members."""
    with many(3, directory=directory) as world:
        hosts = {name for name, kind in world.zone() if kind == "A"}
        copies = [world.members[name].list("Ingress") for name in ("gke-us", "gke-eu")]
        graph = [name for name in world.graph() if name.startswith("forwardingRules/")]

    assert hosts == {f"shop-{n}.example.com" for n in range(3)}
    assert [len(found) for found in copies] == [3, 3]
    assert len(graph) == 3


def test_figures_are_read_by_people_and_machines(tmp_path):
    """A table, one JSON object a line, and one list in the file; base only where there is one."""
    figures = [
        Figure(name="a.ratio", value=1.5, unit="times", base="bare", target=3.0),
        Figure(name="b", value=7, unit="calls"),
    ]
    encoded = [
        {"name": "a.ratio", "value": 1.5, "unit": "times", "base": "bare", "target": 3.0},
        {"name": "b", "value": 7, "unit": "calls"},
    ]
    write(tmp_path / "build" / "bench.json", figures)

    assert json.loads((tmp_path / "build" / "bench.json").read_text()) == encoded
    assert [json.loads(line) for line in lines(figures).splitlines()] == encoded
    first, second = table(figures).splitlines()
    assert first.split() == ["a.ratio", "1.5", "times", "at", "most", "3,", "base:", "bare"]
    assert second.split() == ["b", "7", "calls"]


def test_everything_is_printed_and_written(tmp_path, monkeypatch, capsys):
    """The command runs each part once, in order, and writes one report."""
    figures = [Figure(name=name, value=1, unit="s") for name in ("first", "second")]
    parts = [lambda figure=figure: [figure] for figure in figures]
    monkeypatch.setattr(bench, "PARTS", parts)
    monkeypatch.setattr(bench, "REPORT", tmp_path / "bench.json")
    bench.main()

    assert [each["name"] for each in json.loads((tmp_path / "bench.json").read_text())] == [
        "first",
        "second",
    ]
    assert capsys.readouterr().out.count("first") == 2


def test_an_edit_is_followed_to_its_effect():
    """The way of an edit through a home is told in full, and by the phases of fan-out's lines."""
    found = by_name(homes.measure(3, ["embedded"]))

    phases = {"effect", "queue", "observe", "decide", "act"}
    assert set(found) >= {f"event.embedded.{each}.{q}" for each in phases for q in ("p50", "p99")}
    assert found["event.embedded.effect.p50"].value <= found["event.embedded.effect.p99"].value


@pytest.mark.parametrize("shared", [True, False])
def test_a_zone_costs_what_its_pools_cost(shared):
    """One batch for a weight, none for a quiet window or a lost memory, one host refused alone."""
    figures = by_name(zones.measure_zone(30, shared=shared))
    suffix = "" if shared else ".dedicated"
    values = {
        (name.split(".")[1], name.split(".")[3]): figure.value
        for name, figure in figures.items()
        if "pools" not in name
    }

    assert figures[f"dns.pools.30{suffix}"].value == (1 if shared else 3)
    assert values["create", "batches"] == 1
    assert values["noop", "batches"] == 0
    assert values["noop", "calls"] == (1 if shared else 0)  # what the health checks found, in bulk
    assert values["weight_change", "batches"] == 1
    assert values["restart", "batches"] == 0
    assert values["throttled", "batches"] >= 1
    assert 1 < values["bad_host", "batches"] <= 9  # halves of halves, not one by one
