"""The contract of `Accelerators`, on the memory twin and on the local cloud by boto3."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from fedingress.adapters.aws.accelerators import GlobalAccelerators
from fedingress.adapters.aws.clients import Clients
from fedingress.adapters.memory.accelerators import MemoryAccelerators
from fedingress.domain.accelerator import Accelerator, EndpointGroup
from fedingress.domain.errors import Conflict, Invalid, Unavailable
from fedingress.ports.accelerators import Accelerators
from fedingress.ports.guard import Unguarded
from localcloud.faults import Fault
from tests.localcloud.aws.lab import Lab as Account
from tests.localcloud.aws.lab import running_lab
from tests.localcloud.aws.test_accelerators import balancer

GUARD = Unguarded()
TAGS = {"fedingress.dev/owner": "lab", "fedingress.dev/owner-uid": "u-1"}
US, EU = balancer("us").arn, balancer("eu", "eu-west-1").arn


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """An implementation, and what makes its changes slow."""

    port: Accelerators
    slow: Callable[[bool], None]


def group(region: str = "us-east-1", *, dial: int = 100, arn: str = "") -> EndpointGroup:
    """A group of one endpoint."""
    endpoint = US if region == "us-east-1" else EU
    return EndpointGroup(region=region, dial=dial, weights=((endpoint, 200),), arn=arn)


class AcceleratorsContract:
    """What every implementation keeps."""

    def made(self, lab: Lab) -> Accelerator:
        """One with a listener."""
        return lab.port.listen(lab.port.create("fi-1", TAGS, GUARD), (80,), GUARD)

    def seen(self, lab: Lab) -> Accelerator:
        """It stands."""
        found = lab.port.find("fi-1", TAGS)
        assert found is not None
        return found

    def test_it_is_found_by_its_name_and_all_its_tags(self, lab):
        """Another's of the same name is not ours."""
        assert lab.port.find("fi-1", TAGS) is None
        made = lab.port.create("fi-1", TAGS, GUARD)

        found = self.seen(lab)
        assert (found.arn, found.ports, found.groups) == (made.arn, (), ())
        assert len(found.addresses) == 2
        assert lab.port.find("fi-1", {**TAGS, "fedingress.dev/owner-uid": "u-2"}) is None
        assert lab.port.find("fi-2", TAGS) is None

    def test_made_twice_it_is_one(self, lab):
        """A lost reply leaves no second accelerator."""
        assert lab.port.create("fi-1", TAGS, GUARD).arn == lab.port.create("fi-1", TAGS, GUARD).arn

    def test_listener_and_groups_are_as_they_were_put(self, lab):
        """Ports change on the listener that stands; groups by region."""
        made = self.made(lab)
        lab.port.put_group(made, group(), GUARD)
        lab.port.put_group(made, group("eu-west-1", dial=10), GUARD)
        eu, us = self.seen(lab).groups

        lab.port.put_group(made, replace(us, dial=0), GUARD)
        changed = lab.port.listen(self.seen(lab), (80, 443), GUARD)
        lab.port.delete_group(eu, GUARD)
        lab.port.delete_group(eu, GUARD)

        found = self.seen(lab)
        assert (eu.region, eu.dial, eu.weights) == ("eu-west-1", 10, ((EU, 200),))
        assert changed.listener == made.listener
        assert found.ports == (80, 443)
        assert found.groups == (replace(us, dial=0),)

    def test_a_region_has_one_group(self, lab):
        """A second one is a conflict; so is a change of one that is gone."""
        made = self.made(lab)
        lab.port.put_group(made, group(), GUARD)
        (us,) = self.seen(lab).groups
        with pytest.raises(Conflict):
            lab.port.put_group(made, group(), GUARD)
        lab.port.delete_group(us, GUARD)
        with pytest.raises(Conflict):
            lab.port.put_group(made, us, GUARD)

    def test_what_the_api_refuses_is_invalid(self, lab):
        """A dial beyond 100."""
        made = self.made(lab)
        with pytest.raises(Invalid):
            lab.port.put_group(made, group(dial=101), GUARD)

    def test_it_is_retired_step_by_step(self, lab):
        """Emptied and disabled, and deleted when that is everywhere."""
        made = self.made(lab)
        lab.port.put_group(made, group(), GUARD)
        lab.slow(True)
        lab.port.retire(self.seen(lab), GUARD)
        found = self.seen(lab)
        assert (found.enabled, found.deployed, found.ports, found.groups) == (False, False, (), ())
        lab.slow(False)
        assert self.seen(lab).deployed
        lab.port.retire(self.seen(lab), GUARD)
        assert lab.port.find("fi-1", TAGS) is None
        with pytest.raises(Conflict):
            lab.port.listen(made, (80,), GUARD)


class TestMemory(AcceleratorsContract):
    @pytest.fixture
    def lab(self) -> Lab:
        port = MemoryAccelerators()

        def slow(on: bool) -> None:
            port.slow = 1 if on else 0

        return Lab(port=port, slow=slow)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """One account for all; each test begins without accelerators."""
    with running_lab(deploy_seconds=0.0) as running:
        both = (balancer("us"), balancer("eu", "eu-west-1"))
        running.run(lambda: [running.cloud.balancers.put(each) for each in both])
        yield running


@pytest.mark.wire
class TestGlobalAccelerator(AcceleratorsContract):
    @pytest.fixture
    def lab(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
        monkeypatch.setenv("AWS_ENDPOINT_URL", account.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "lab")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
        service = account.cloud.accelerators
        service.all.clear()
        clients = Clients(sleep=lambda _seconds: None)

        def slow(on: bool) -> None:
            service.deploy_seconds = 3600.0 if on else 0.0

        yield Lab(port=GlobalAccelerators(clients), slow=slow)
        slow(False)
        clients.close()

    def test_a_lost_reply_is_asked_again_without_a_second_one(self, lab, account):
        """The accelerator was made, the answer did not come."""
        account.cloud.faults.add(Fault(abort_after=True))
        with pytest.raises(Unavailable, match="Global Accelerator"):
            lab.port.create("fi-1", TAGS, GUARD)
        lab.port.create("fi-1", TAGS, GUARD)
        assert len(account.cloud.accelerators.all) == 1
