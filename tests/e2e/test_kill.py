"""A process of the product dies by SIGKILL in the middle of a create; another one finishes."""

import contextlib
import signal

import pytest

from localcloud.faults import Fault
from tests.e2e.homes import serving
from tests.e2e.manifests import HOST, ingress
from tests.e2e.site import CONFIG
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

LEASE_SECONDS = "20"  # the shortest that a call to a member's API server fits into


@contextlib.contextmanager
def process(site, folder):
    """A `fedingress serve` over one store, ended when the block ends."""
    running = serving(
        site, folder / "store.sqlite", folder / "serve.log", lease_seconds=LEASE_SECONDS
    )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)


def log(folder):
    """The end of what the processes said."""
    return (folder / "serve.log").read_text(encoding="utf-8", errors="replace")[-2000:]


def test_a_process_killed_in_the_middle_of_a_create_is_replaced_without_a_trace(site, tmp_path):
    """It held the lease and half a graph stood; the next one makes it whole, with one of each."""
    held = Fault(method="POST", path="urlMaps", caller="fedingress", delay_seconds=120.0)
    site.world.run(lambda world: world.gcp.faults.add(held))
    with process(site, tmp_path) as first:
        site.apply(CONFIG, ingress())
        until(
            "the create to stand still in the middle",
            lambda: len(site.listed("BackendServices")) == 2 and not site.world.gcp.faults.list(),
            say=lambda: log(tmp_path),
        )
        first.send_signal(signal.SIGKILL)
        assert first.wait(10) == -signal.SIGKILL
    assert site.listed("GlobalForwardingRules") == []

    with process(site, tmp_path):
        site.until_served()
        counts = [
            len(site.listed(name))
            for name in ("GlobalAddresses", "HealthChecks", "BackendServices", "UrlMaps")
        ]
        page = site.visitor("europe-west1").get(HOST)
        companions = [len(site.ours(member)) for member in ("gke-us", "gke-eu")]
        site.withdraw()

    assert counts == [1, 2, 2, 1]
    assert (page.status, page.cluster) == (200, "gke-eu")
    assert companions == [3, 3]
