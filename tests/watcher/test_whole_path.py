"""From a controller's annotation in a member to fan-out and back: nothing is written."""

import time

import pytest

from fedingress.domain.event import decode
from fedingress.runtime.home import Home
from fedingress.runtime.queue import Acknowledged
from fedingress.runtime.settings import read
from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.homes import embedded
from tests.e2e.manifests import ingress
from tests.e2e.site import CONFIG, open_site
from tests.localcloud.pubsub.servers import Desk, running
from tests.watcher.links import until
from tests.watcher.processes import QUICK, Follower, watcher

pytestmark = [pytest.mark.wire, pytest.mark.slow]

MEMBER = "gke-us"
REPORTS = (
    "backends",
    "forwarding-rule",
    "https-forwarding-rule",
    "https-target-proxy",
    "ssl-cert",
    "static-ip",
    "target-proxy",
    "url-map",
)


@pytest.fixture(scope="module")
def site():
    with open_site(WorldSpec(members=members_from(MEMBER), operation_seconds=0.05)) as made:
        yield made


@pytest.fixture(scope="module")
def store(site, tmp_path_factory):
    """The state of a home that has brought the shop up, and has ended."""
    path = tmp_path_factory.mktemp("home") / "store.sqlite"
    site.furnish()
    with embedded(site, path) as home:
        site.apply(CONFIG, ingress())
        site.until_served()
        assert home.home.idle(60, within_seconds=2.0)
    return path


def annotate(site, **annotations) -> None:
    """As a controller in the member does, or somebody with kubectl; None removes one."""
    patch = {"metadata": {"annotations": annotations}}
    site.networking(MEMBER).patch_namespaced_ingress("shop", "shop", patch)


def test_a_controllers_annotations_cause_no_write(site, store, tmp_path):
    """Eight reports, then ten passes of anybody's annotations: ten runs of fan-out, 0 writes."""
    here = read({**site.env, "FEDINGRESS_STORE": f"sqlite:{store}"})
    with running("stand-in", tmp_path / "pubsub.log") as place:
        desk = Desk(place)
        topic = desk.topic("changes")
        settings = {
            "FEDINGRESS_WATCH": "member",
            "FEDINGRESS_CLUSTER": MEMBER,
            "FEDINGRESS_BUS": f"pubsub:{desk.project}/changes",
            "FEDINGRESS_PUBSUB_ENDPOINT": f"http://{place.endpoint}",
            "FEDINGRESS_KUBECONFIG": site.env["KUBECONFIG"],
            "FEDINGRESS_CONTEXT": MEMBER,
            "FEDINGRESS_OWNER": here.owner,
            **QUICK,
        }
        follower = Follower(desk, topic, lambda unit: unit)
        with watcher(tmp_path, **settings) as process, follower, Home(here) as home:

            def passed() -> None:
                """Wait for an event more, and let fan-out run on it, with what follows."""
                nonlocal count
                count += 1
                assert until(lambda: len(follower.events) >= count, seconds=20)
                assert until(lambda: follower.quiet(0.2))
                count = len(follower.events)
                event = decode(follower.events[-1])
                assert event.work.unit == "shop/shop"
                answer = home.run(event.work, event.delivery)
                assert isinstance(answer, Acknowledged)
                assert home.idle(30, within_seconds=0.5)

            count = 0
            assert until(process.ready)
            passed()  # the first list
            site.forget_calls()
            seen = process.metrics()['fedingress_watch_irrelevant_total{kind="Ingress"}']
            annotate(site, **{f"ingress.kubernetes.io/{name}": "k8s-x--1" for name in REPORTS})
            assert until(
                lambda: (
                    process.metrics()['fedingress_watch_irrelevant_total{kind="Ingress"}'] > seen
                )
            )
            assert follower.quiet(0.3)
            assert len(follower.events) == count
            for number in range(10):
                annotate(site, **{"controller.example.com/report": f"{number} {time.time()}"})
                passed()
            assert site.calls() == 0
            found = site.networking(MEMBER).read_namespaced_ingress("shop", "shop")
            assert len([a for a in found.metadata.annotations if "kubernetes.io/" in a]) >= 8

            annotate(site, **{"fedingress.dev/source": "shop/shop", "fedingress.dev/applied": "x"})
            passed()
            assert site.calls() == 1
        desk.close()
    with embedded(site, store):
        site.withdraw()
