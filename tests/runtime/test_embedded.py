"""The embedded home over a directory: files come, change and go, and the members follow."""

import http.client

import pytest
import yaml

from fedingress.domain.errors import Invalid
from fedingress.runtime.embedded import Embedded
from fedingress.runtime.settings import Settings, read
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec
from tests.doors import shop
from tests.doors.shop import GKE, HOSTS, copies
from tests.localcloud.gce import until, variables

pytestmark = pytest.mark.wire

INVENTORY = "fedingress-inventory"


@pytest.fixture(scope="module")
def world():
    """Two members with the example shop in each."""
    with running_world(WorldSpec(members=GKE, operation_seconds=0.02)) as running:
        shop.workloads(running)
        yield running


@pytest.fixture
def folder(world, tmp_path):
    """A directory with the members, the class and the policy; no Ingress yet."""
    made = tmp_path / "sources"
    made.mkdir()
    config = world.clusters["config"]
    for member in GKE:
        profile = config.get("clusterprofiles.multicluster.x-k8s.io", INVENTORY, member.name)
        secret = config.get("secrets", INVENTORY, f"{member.name}-token")
        for each in (profile, secret):
            meta = each["metadata"]
            each["metadata"] = {
                key: meta[key] for key in ("name", "namespace", "labels") if key in meta
            }
        write(made / f"{member.name}.yaml", profile, secret)
    write(made / "platform.yaml", *shop.documents(*shop.PLATFORM))
    return made


@pytest.fixture
def home(world, folder, tmp_path):
    """The embedded home at work."""
    with variables(world.env()):
        settings = {name: text for name, text in world.env().items() if "ENDPOINT" in name}
        settings = {name: text for name, text in settings.items() if name.startswith("FEDINGRESS")}
        settings |= {
            "FEDINGRESS_SOURCES": f"directory:{folder}",
            "FEDINGRESS_STORE": f"sqlite:{tmp_path / 'state.db'}",
            "FEDINGRESS_TICK_SECONDS": "0.5",
        }
        made = Embedded(read(settings))
        made.start()
        yield made
        made.stop()


def write(path, *manifests):
    """Replace the file at once, as a careful editor does."""
    aside = path.with_suffix(".new")
    aside.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    aside.rename(path)


def leftovers(world):
    """What is left of ours; the members' own Secrets and finalizers are not."""
    found = world.control.leftovers()
    return [found[name] for name in ("compute", "records", "owned") if found[name]]


def both(*hosts):
    return {member.name: list(hosts) for member in GKE}


@pytest.mark.slow
def test_files_come_change_and_go(world, folder, home):
    """The life of one file: copies everywhere, followed changes, repaired harm, nothing left."""
    file, changed = folder / "ingress.yaml", shop.ingress()
    write(file, shop.ingress())
    until(lambda: copies(world) == both(*HOSTS), "both copies", seconds=60)

    changed["spec"]["rules"][1]["host"] = "v2.example.com"
    now = both("shop.example.com", "v2.example.com")
    write(file, changed)
    until(lambda: copies(world) == now, "the new host", seconds=60)

    world.run(lambda w: w.cluster("gke-us").kube.remove(shop.INGRESSES, "shop", "shop"))
    until(lambda: copies(world) == now, "the repair", seconds=60)

    narrowed = shop.ingress(annotations={"fedingress.dev/clusters": "gke-us"})
    write(file, narrowed)
    until(lambda: copies(world) == {"gke-us": HOSTS}, "one copy to go", seconds=60)

    file.unlink()
    until(lambda: not leftovers(world), "nothing to be left", seconds=90)


@pytest.mark.slow
def test_a_file_that_does_not_parse_is_no_deletion(world, folder, home):
    """A broken file stops nothing else: its Ingress stays, and its neighbour is served."""
    write(folder / "ingress.yaml", shop.ingress())
    until(lambda: len(copies(world)) == 2, "both copies", seconds=60)
    (folder / "ingress.yaml").write_text("kind: [")
    other = shop.ingress(name="other")
    other["spec"]["rules"] = [other["spec"]["rules"][0] | {"host": "other.example.com"}]
    write(folder / "other.yaml", other)

    until(lambda: len(copies(world, "other")) == 2, "the neighbour", seconds=60)
    assert len(copies(world)) == 2

    (folder / "ingress.yaml").unlink()
    (folder / "other.yaml").unlink()
    until(lambda: not leftovers(world), "nothing to be left", seconds=90)


def test_what_is_not_there_is_told_before_anything_starts(tmp_path):
    """A kubeconfig that is missing is a fault of the settings, and no thread is left behind."""
    settings = Settings(
        kubeconfig=str(tmp_path / "missing"), store=f"sqlite:{tmp_path / 'state.db'}"
    )
    with pytest.raises(Invalid, match="missing"):
        Embedded(settings)


def test_probes_and_metrics_are_served_where_asked(folder, tmp_path):
    """The clock's age, and what the runs of this process have done, as Prometheus reads it."""
    settings = Settings(
        sources=f"directory:{folder}",
        store=f"sqlite:{tmp_path / 'served.db'}",
        health="127.0.0.1:0",
        tick_seconds=0.5,
    )
    made = Embedded(settings)
    made.start()

    def page(path):
        connection = http.client.HTTPConnection("127.0.0.1", made.health_port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    try:
        assert page("/healthz")[0] == 200
        ticks = 'fedingress_invocations_total{concern="tick",outcome="settled"}'
        until(lambda: ticks in page("/metrics")[1], "a tick to be counted")
        assert 'fedingress_works{state="ready"}' in page("/metrics")[1]
        assert page("/other")[0] == 404
    finally:
        made.stop()
    made._ticked -= 1000.0
    assert made.alive().status == 503
