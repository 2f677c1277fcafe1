"""Cloud DNS's side of the port `HealthChecks`: in memory, and on Compute Engine's wire."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fedingress.adapters.checks import ChecksByProvider
from fedingress.adapters.gcp.health_checks import SOURCE_REGIONS, GceHealthChecks
from fedingress.adapters.memory.gce_checks import MemoryGceHealthChecks
from fedingress.adapters.memory.health_checks import MemoryHealthChecks
from fedingress.domain.check import CheckConfig
from fedingress.domain.errors import Conflict, Invalid, LeaseLost, Unavailable
from fedingress.domain.policy import ZoneRef
from fedingress.ports.guard import Unguarded
from fedingress.ports.health_checks import HealthChecks
from tests.contract.local_gcp import RunningCloud, running_cloud, use_metadata
from tests.contract.record_sets_suite import Fenced

GUARD = Unguarded()
HTTP = CheckConfig(kind="HTTP", port=8080, path="/ok")
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """drop: delete a check as someone else would."""

    port: HealthChecks
    drop: Callable[[str], object]


class GceHealthChecksContract:
    """Inherited once per implementation; `lab` is its fixture."""

    @pytest.fixture
    def prefix(self) -> str:
        return f"projects/lab/global/healthChecks/fi-test-{next(_NUMBERS)}-"

    @pytest.mark.parametrize(
        "config",
        [
            HTTP,
            CheckConfig(kind="HTTPS", port=443, path="/", threshold=1, interval_seconds=60),
            CheckConfig(kind="TCP", port=80),
        ],
        ids=lambda config: config.kind,
    )
    def test_what_was_made_is_listed_equal_and_can_go(self, lab, prefix, config):
        """Every field comes back; gone is gone, and to delete it again is no error."""
        made = lab.port.create(f"{prefix}a", config, GUARD)

        assert (made.id, made.reference, made.config) == (f"{prefix}a", f"{prefix}a", config)
        assert list(lab.port.list(prefix)) == [made]
        lab.port.delete(made, GUARD)
        lab.port.delete(made, GUARD)
        assert list(lab.port.list(prefix)) == []

    def test_others_checks_are_not_listed(self, lab, prefix):
        """The reference says whose one is."""
        lab.port.create(f"{prefix}a", HTTP, GUARD)

        assert list(lab.port.list(f"{prefix}b")) == []

    def test_the_same_call_again_gives_the_same_check(self, lab, prefix):
        """So a lost reply costs nothing; another config under the same name is a conflict."""
        first = lab.port.create(f"{prefix}a", HTTP, GUARD)

        assert lab.port.create(f"{prefix}a", HTTP, GUARD) == first
        with pytest.raises(Conflict):
            lab.port.create(f"{prefix}a", replace(HTTP, port=81), GUARD)

    def test_what_can_be_changed_is_changed(self, lab, prefix):
        """Path, port and threshold; kind and interval cannot."""
        made = lab.port.create(f"{prefix}a", HTTP, GUARD)
        wanted = replace(HTTP, path="/new", port=81, threshold=5)

        changed = lab.port.update(made, wanted, GUARD)

        assert (changed.id, changed.config) == (made.id, wanted)
        assert list(lab.port.list(prefix)) == [changed]
        with pytest.raises(Invalid, match="interval"):
            lab.port.update(changed, replace(wanted, interval_seconds=60), GUARD)

    def test_an_update_of_what_was_changed_meanwhile_is_a_conflict(self, lab, prefix):
        """Or of what is gone: nobody's update is lost."""
        made = lab.port.create(f"{prefix}a", HTTP, GUARD)
        lab.port.update(made, replace(HTTP, threshold=5), GUARD)
        with pytest.raises(Conflict):
            lab.port.update(made, replace(HTTP, threshold=7), GUARD)

        lab.drop(made.id)
        with pytest.raises(Conflict):
            lab.port.update(made, replace(HTTP, threshold=7), GUARD)

    @pytest.mark.parametrize(
        "config",
        [replace(HTTP, interval_seconds=10), replace(HTTP, threshold=11), replace(HTTP, path="x")],
        ids=["interval", "threshold", "path"],
    )
    def test_what_the_provider_refuses_is_invalid(self, lab, prefix, config):
        """Nothing stands afterwards."""
        with pytest.raises(Invalid):
            lab.port.create(f"{prefix}a", config, GUARD)

        assert list(lab.port.list(prefix)) == []

    def test_nobody_tells_what_the_checkers_find(self, lab, prefix):
        """The DNS servers know; no API does."""
        made = lab.port.create(f"{prefix}a", HTTP, GUARD)

        assert lab.port.states([made.id]) == {}

    def test_without_a_lease_nothing_is_written(self, lab, prefix):
        """The guard is asked before each write."""
        made = lab.port.create(f"{prefix}a", HTTP, GUARD)
        for write in (
            lambda: lab.port.create(f"{prefix}b", HTTP, Fenced()),
            lambda: lab.port.update(made, replace(HTTP, path="/new"), Fenced()),
            lambda: lab.port.delete(made, Fenced()),
        ):
            with pytest.raises(LeaseLost):
                write()

        assert list(lab.port.list(prefix)) == [made]


class TestMemory(GceHealthChecksContract):
    @pytest.fixture
    def lab(self) -> Lab:
        port = MemoryGceHealthChecks()
        return Lab(port=port, drop=port._checks.pop)

    @pytest.mark.parametrize(("moment", "count"), [("before", 0), ("after", 1)])
    def test_a_call_can_break_before_or_after_its_effect(self, moment, count, prefix):
        """A test can stand for a lost request and for a lost reply."""

        def fault(when: str, _verb: str, _where: str) -> None:
            if when == moment:
                raise Unavailable("lost")

        port = MemoryGceHealthChecks(fault=fault)
        with pytest.raises(Unavailable):
            port.create(f"{prefix}a", HTTP, GUARD)

        assert len(port.list(prefix)) == len(port.calls) == count

    @pytest.mark.parametrize(
        "config",
        [
            replace(HTTP, kind="SSL"),
            replace(HTTP, address="203.0.113.1"),
            replace(HTTP, kind="TCP"),
        ],
    )
    def test_the_twin_refuses_what_cannot_be_said(self, config, prefix):
        """Kinds that regions cannot look by, an address, a path of TCP; and a bad name."""
        port = MemoryGceHealthChecks()
        with pytest.raises(Invalid):
            port.create(f"{prefix}a", config, GUARD)
        with pytest.raises(Invalid, match=r"resource\.name"):
            port.create("projects/lab/global/healthChecks/Not-A-Name", HTTP, GUARD)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningCloud]:
    """One project for all."""
    with running_cloud("lab") as found:
        yield found


@pytest.mark.wire
class TestComputeEngine(GceHealthChecksContract):
    @pytest.fixture
    def lab(self, running: RunningCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
        use_metadata(monkeypatch, running.metadata, str(tmp_path))
        port = GceHealthChecks(running.endpoint, "me", page_size=1)
        return Lab(port=port, drop=lambda path: running.do(lambda: running.cloud.delete(path)))

    def body(self, running: RunningCloud, path: str) -> dict[str, Any]:
        return dict(running.do(lambda: running.cloud.compute[path]))

    def test_it_looks_from_three_regions_and_says_whose_it_is(self, lab, running, prefix):
        """What stands is what Cloud DNS takes for external endpoints."""
        made = lab.port.create(f"{prefix}a", HTTP, GUARD)
        found = self.body(running, made.id)

        assert tuple(found["sourceRegions"]) == SOURCE_REGIONS
        assert '"owner":"me"' in found["description"]
        assert found["httpHealthCheck"]["requestPath"] == "/ok"

    def test_what_another_installation_made_is_neither_seen_nor_deleted(self, lab, running, prefix):
        """The mark counts, not the name."""
        theirs = GceHealthChecks(running.endpoint, "them")
        made = theirs.create(f"{prefix}a", HTTP, GUARD)

        assert list(lab.port.list(prefix)) == []
        for write in (
            lambda: lab.port.create(made.reference, HTTP, GUARD),
            lambda: lab.port.update(made, replace(HTTP, port=81), GUARD),
            lambda: lab.port.delete(made, GUARD),
        ):
            with pytest.raises(Conflict):
                write()
        assert list(theirs.list(prefix)) == [made]

    def test_regions_that_somebody_changed_are_put_right(self, lab, running, prefix):
        """They are told as another threshold, which is an update."""
        made = lab.port.create(f"{prefix}a", HTTP, GUARD)
        running.do(
            lambda: running.cloud.compute[made.id].update(
                sourceRegions=["us-east1", "us-east4", "us-west1"]
            )
        )
        (seen,) = lab.port.list(prefix)
        assert seen.config == replace(HTTP, threshold=0)

        assert lab.port.update(seen, HTTP, GUARD) == made
        assert tuple(self.body(running, made.id)["sourceRegions"]) == SOURCE_REGIONS

    def test_an_operation_that_takes_its_time_is_found_by_the_next_look(
        self, running, monkeypatch, tmp_path, prefix
    ):
        """Nothing is made twice."""
        use_metadata(monkeypatch, running.metadata, str(tmp_path))
        port = GceHealthChecks(running.endpoint, "me", settle_seconds=0.0)
        with pytest.raises(Unavailable, match="takes its time"):
            port.create(f"{prefix}a", HTTP, GUARD)

        patient = GceHealthChecks(running.endpoint, "me")
        made = patient.create(f"{prefix}a", HTTP, GUARD)
        assert list(patient.list(prefix)) == [made]


def test_a_zone_says_where_its_checks_are():
    """Each call reaches the zone's provider only; one that is not known is the user's fault."""
    google, amazon = MemoryGceHealthChecks(), MemoryHealthChecks()
    port = ChecksByProvider({"cloud-dns": lambda _: google, "route53": lambda _: amazon})
    zone = ZoneRef(provider="cloud-dns", project="lab", name="z", domain="example.com")

    assert port.of(zone) is google
    assert port.of(replace(zone, provider="route53")) is amazon
    with pytest.raises(Invalid, match="no provider"):
        port.of(replace(zone, provider="bind"))
