"""The port `HealthChecks`: in memory, and through boto3 on Route 53 and CloudWatch."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import boto3
import pytest

from fedingress.adapters.aws.clients import Clients
from fedingress.adapters.aws.health_checks import Route53HealthChecks
from fedingress.adapters.memory.health_checks import MemoryHealthChecks
from fedingress.domain.check import CheckConfig
from fedingress.domain.errors import Conflict, Invalid, LeaseLost, QuotaExceeded
from fedingress.ports.guard import Unguarded
from fedingress.ports.health_checks import HealthChecks
from localcloud.aws.cloudwatch.metrics import Metric
from localcloud.iam.identities import Identities, role_arn
from tests.contract.record_sets_suite import Fenced
from tests.localcloud.aws.lab import Lab as Account
from tests.localcloud.aws.lab import running_lab

GUARD = Unguarded()
HTTP = CheckConfig(kind="HTTP", address="lb.example.net", port=8080, path="/ok")
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """find: have the checkers find this of a check."""

    port: HealthChecks
    find: Callable[[str, bool], None]


class HealthChecksContract:
    """Inherited once per implementation; `lab` is its fixture, `other` is another account."""

    @pytest.fixture
    def prefix(self) -> str:
        return f"fi:test-{next(_NUMBERS)}:"

    @pytest.mark.parametrize(
        "config",
        [
            HTTP,
            CheckConfig(kind="HTTPS", address="203.0.113.7", port=443, path="/", threshold=1),
            CheckConfig(kind="TCP", address="lb.example.net", port=80, interval_seconds=10),
            replace(HTTP, forced_down=True),
        ],
        ids=lambda config: f"{config.kind}-{config.forced_down}",
    )
    def test_what_was_made_is_listed_equal_and_can_go(self, lab, prefix, config):
        """Every field comes back; gone is gone, and to delete it again is no error."""
        made = lab.port.create(f"{prefix}a", config, GUARD)

        assert made.config == config
        assert list(lab.port.list(prefix)) == [made]

        lab.port.delete(made, GUARD)
        lab.port.delete(made, GUARD)
        assert list(lab.port.list(prefix)) == []

    def test_others_checks_are_not_listed(self, lab, prefix):
        """The reference says whose one is."""
        lab.port.create(f"{prefix}a", HTTP, GUARD)

        assert list(lab.port.list(f"{prefix}b")) == []

    def test_the_same_call_again_gives_the_same_check(self, lab, prefix):
        """So a lost reply costs nothing."""
        first = lab.port.create(f"{prefix}a", HTTP, GUARD)

        assert lab.port.create(f"{prefix}a", HTTP, GUARD) == first

    def test_a_reference_is_good_for_one_config_and_one_life(self, lab, prefix):
        """Another config, or the same one after a deletion, needs another reference."""
        made = lab.port.create(f"{prefix}a", HTTP, GUARD)
        with pytest.raises(Conflict):
            lab.port.create(f"{prefix}a", replace(HTTP, path="/other"), GUARD)

        lab.port.delete(made, GUARD)
        with pytest.raises(Conflict):
            lab.port.create(f"{prefix}a", HTTP, GUARD)

    def test_what_can_be_changed_is_changed(self, lab, prefix):
        """Path, port, threshold, and whether it is told to fail."""
        made = lab.port.create(f"{prefix}a", HTTP, GUARD)
        wanted = replace(HTTP, path="/new", port=81, threshold=5, forced_down=True)

        changed = lab.port.update(made, wanted, GUARD)

        assert (changed.id, changed.config) == (made.id, wanted)
        assert list(lab.port.list(prefix)) == [changed]

    def test_an_update_of_what_was_changed_meanwhile_is_a_conflict(self, lab, prefix):
        """Nobody's update is lost."""
        made = lab.port.create(f"{prefix}a", HTTP, GUARD)
        lab.port.update(made, replace(HTTP, path="/theirs"), GUARD)

        with pytest.raises(Conflict):
            lab.port.update(made, replace(HTTP, path="/ours"), GUARD)

        lab.port.delete(made, GUARD)
        with pytest.raises(Conflict):
            lab.port.update(made, replace(HTTP, path="/ours"), GUARD)

    def test_checks_are_combined(self, lab, prefix):
        """A calculated one knows its children by id."""
        ids = [lab.port.create(f"{prefix}{n}", HTTP, GUARD).id for n in "ab"]
        both = CheckConfig(kind="CALCULATED", threshold=2, children=tuple(sorted(ids)))

        made = lab.port.create(f"{prefix}c", both, GUARD)

        assert made.config == both
        assert lab.port.list(prefix)[2] == made

    def test_a_check_of_nothing_is_invalid(self, lab, prefix):
        """The provider's words are the reason."""
        lost = CheckConfig(kind="CALCULATED", threshold=1, children=("no-such-check",))

        with pytest.raises(Invalid, match="no-such-check"):
            lab.port.create(f"{prefix}a", lost, GUARD)

    def test_states_come_in_bulk_and_only_where_there_is_data(self, lab, prefix):
        """What no checker has looked at says nothing, which is not the same as bad."""
        well, ill, new = (lab.port.create(f"{prefix}{n}", HTTP, GUARD).id for n in "abc")
        lab.find(well, True)
        lab.find(ill, False)

        assert lab.port.states([well, ill, new]) == {well: True, ill: False}
        assert lab.port.states([]) == {}

    def test_accounts_know_nothing_of_each_other(self, lab, other, prefix):
        """References are used anew, ids are unknown, deletion and states stay in their account."""
        ours = lab.port.create(f"{prefix}a", HTTP, GUARD)
        theirs = other.port.create(f"{prefix}a", HTTP, GUARD)
        lab.find(ours.id, True)
        other.find(theirs.id, False)

        assert ours.id != theirs.id
        assert list(lab.port.list(prefix)) == [ours]
        assert list(other.port.list(prefix)) == [theirs]
        assert lab.port.states([ours.id, theirs.id]) == {ours.id: True}
        assert other.port.states([ours.id, theirs.id]) == {theirs.id: False}
        with pytest.raises(Conflict):
            lab.port.update(theirs, replace(HTTP, path="/new"), GUARD)
        both = CheckConfig(kind="CALCULATED", threshold=1, children=(theirs.id,))
        with pytest.raises(Invalid):
            lab.port.create(f"{prefix}b", both, GUARD)

        lab.port.delete(theirs, GUARD)
        assert list(other.port.list(prefix)) == [theirs]

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


class TestMemory(HealthChecksContract):
    @pytest.fixture
    def lab(self) -> Lab:
        return self._lab(MemoryHealthChecks())

    @pytest.fixture
    def other(self) -> Lab:
        return self._lab(MemoryHealthChecks(account="other-"))

    def _lab(self, port: MemoryHealthChecks) -> Lab:
        return Lab(port=port, find=port.answers.__setitem__)

    def test_the_quota_is_kept(self, lab):
        """200 in an account; the sentence is Amazon's."""
        for number in range(200):
            lab.port.create(f"fi:{number}", HTTP, GUARD)

        with pytest.raises(QuotaExceeded, match="MAX_HEALTH_CHECKS"):
            lab.port.create("fi:200", HTTP, GUARD)


ELSEWHERE = "222222222222"
NUMBERS = ("000000000000", ELSEWHERE)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """One cloud for all; a key of STS leads to its account."""
    with running_lab() as running:
        identities = Identities()
        running.cloud.who = identities.account
        running.keys = {number: identities.key(role_arn("me", number)) for number in NUMBERS}
        yield running


@pytest.mark.wire
class TestRoute53(HealthChecksContract):
    def test_the_quota_is_kept(self, lab, monkeypatch):
        """As the twin has it: no other refusal is taken for it."""
        monkeypatch.setattr("localcloud.aws.route53.health_checks.MOST_CHECKS", 0)

        with pytest.raises(QuotaExceeded, match="MAX_HEALTH_CHECKS"):
            lab.port.create("fi:200", HTTP, GUARD)

    @pytest.fixture
    def lab(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
        monkeypatch.setenv("AWS_ENDPOINT_URL", account.url)
        yield from self._lab(account, "000000000000")

    @pytest.fixture
    def other(self, account: Account) -> Iterator[Lab]:
        yield from self._lab(account, ELSEWHERE)

    def _lab(self, account: Account, number: str) -> Iterator[Lab]:
        key = account.keys[number]
        clients = Clients(lambda: boto3.Session(key.key_id, key.secret))

        def find(check: str, healthy: bool) -> None:
            metric = Metric(
                region="us-east-1",
                namespace="AWS/Route53",
                name="HealthCheckStatus",
                dimensions=frozenset({("HealthCheckId", check)}),
            )
            now, kept = account.cloud.clock(), account.cloud.account(number).metrics
            account.run(lambda: kept.record(metric, now - 61, float(not healthy)))
            account.run(lambda: kept.record(metric, now - 1, float(healthy)))

        yield Lab(port=Route53HealthChecks(clients, period_seconds=1), find=find)
        clients.close()
