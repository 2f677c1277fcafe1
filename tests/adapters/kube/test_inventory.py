"""Members join, are drained, stay, and are forgotten; kubeconfigs are read for them."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from fedingress.adapters.kube.clusters import KubeMemberClusters
from fedingress.adapters.kube.connect import from_kubeconfig
from fedingress.adapters.kube.inventory import Joining, KubeInventory
from fedingress.adapters.kube.kubeconfig import entrance
from fedingress.adapters.kube.resources import SERVICE
from fedingress.adapters.kube.sources import INVENTORY_NAMESPACE, KubeSources
from fedingress.domain.cluster import Access
from fedingress.domain.errors import Conflict, Forbidden, Invalid, Unavailable
from fedingress.domain.ingress import IngressKey
from fedingress.domain.names import OWNER_UID
from fedingress.ports.sources import Tombstone
from tests.adapters.kube.running import QUICK, TOKEN, running_cluster

CRD = Path(__file__).parents[3] / "infra/kubernetes/crds" / "clusterprofiles.yaml"

pytestmark = pytest.mark.wire


@pytest.fixture
def config():
    with running_cluster(name="config") as cluster:
        cluster.put(yaml.safe_load(CRD.read_text(encoding="utf-8")))
        yield cluster


@pytest.fixture(scope="module")
def member():
    with running_cluster(name="gke-us") as cluster:
        yield cluster


@pytest.fixture
def connection(config):
    made = config.connection()
    yield made
    made.close()


@pytest.fixture
def inventory(connection):
    return KubeInventory(connection, namespace=INVENTORY_NAMESPACE)


def joining(member, *, server="", **more) -> Joining:
    access = Access(
        provider="fedingress-token", server=server or member.url, ca_data=member.ca_data
    )
    properties = {"provider": "gcp", "region": "us-central1", "zones": "us-central1-a"}
    return Joining(
        **{
            "name": "gke-us",
            "access": access,
            "token": TOKEN,
            "properties": properties,
            "labels": {"cloud": "gcp"},
        }
        | more
    )


def join(inventory, wanted) -> str:
    return inventory.join(wanted, lambda refused: f"Bearer {wanted.token}")


def test_a_member_that_joined_can_be_reached(config, member, connection, inventory):
    """Profile, status and Secret together lead to the member's API server."""
    uid = join(inventory, joining(member))

    sources = KubeSources(connection)
    (found,) = sources.inventory().members
    assert (found.name, found.provider, found.region) == ("gke-us", "gcp", "us-central1")
    assert (found.zones, found.uid, found.healthy) == (("us-central1-a",), uid, True)
    assert found.labels["cloud"] == "gcp"
    port = KubeMemberClusters(sources.read_token, concern="fanout", timeouts=QUICK)
    assert port.identity(found) == uid
    port.close()


def test_joining_twice_renews(config, member, connection, inventory):
    """The second join replaces properties and token."""
    join(inventory, joining(member))
    join(inventory, joining(member, properties={"provider": "onprem"}))

    (found,) = KubeSources(connection).inventory().members
    assert (found.provider, found.region) == ("onprem", "")


def test_a_way_in_that_is_given_up_takes_its_secret_along(config, member, inventory, connection):
    """Joined again by a reference, the copy of the token goes, and the profile says where it is."""
    join(inventory, joining(member))
    kept = "projects/shop/secrets/gke-us/versions/latest"
    access = replace(joining(member).access, token_secret=kept)
    inventory.join(joining(member, access=access, token=""), lambda refused: f"Bearer {TOKEN}")

    (found,) = KubeSources(connection).inventory().members
    assert found.access.token_secret == kept
    with pytest.raises(Forbidden):
        KubeSources(connection).read_token(f"{INVENTORY_NAMESPACE}/gke-us-token")


def test_a_member_that_refuses_or_is_silent_does_not_join(config, member, connection, inventory):
    """Nothing is written before the member has answered."""
    with pytest.raises(Forbidden):
        join(inventory, joining(member, token="wrong"))
    with pytest.raises(Unavailable):
        join(inventory, joining(member, server="https://127.0.0.1:1"))
    with pytest.raises(Invalid, match="token"):
        join(inventory, joining(member, token=""))
    with pytest.raises(Invalid, match="colour"):
        join(inventory, joining(member, properties={"colour": "red"}))
    assert config.list("ClusterProfile") == []
    assert config.list("Secret") == []


def test_anothers_profile_is_left_alone(config, member, inventory):
    """A profile of another cluster manager is neither joined over nor forgotten."""
    profile = {
        "apiVersion": "multicluster.x-k8s.io/v1alpha1",
        "kind": "ClusterProfile",
        "metadata": {"namespace": INVENTORY_NAMESPACE, "name": "gke-us"},
        "spec": {"clusterManager": {"name": "gke-fleet"}},
    }
    config.put(profile)
    with pytest.raises(Conflict, match="gke-fleet"):
        join(inventory, joining(member))
    with pytest.raises(Conflict, match="gke-fleet"):
        inventory.forget("gke-us", None)


def test_leaving_is_a_mark_that_can_be_taken_back(member, connection, inventory):
    """`leave` marks, `stay` unmarks; an unknown member is the user's fault."""
    join(inventory, joining(member))
    sources = KubeSources(connection, cache_seconds=0.0)

    inventory.leave("gke-us")
    assert sources.inventory().members[0].leaving
    inventory.stay("gke-us")
    assert not sources.inventory().members[0].leaving
    with pytest.raises(Invalid, match="gke-eu"):
        inventory.leave("gke-eu")


def test_joining_again_does_not_stop_leaving(member, connection, inventory):
    """A renewed token must not call a leaving member back."""
    join(inventory, joining(member))
    inventory.leave("gke-us")
    join(inventory, joining(member))

    assert KubeSources(connection).inventory().members[0].leaving


def test_a_member_is_forgotten_once_it_is_empty(config, member, connection, inventory):
    """Objects and tombstones of ours hold the profile; without them it goes, and its token too."""
    join(inventory, joining(member))
    ours = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "shop", "name": "web-fed", "labels": {OWNER_UID: "u-1"}},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    there = member.connection()
    member.put(ours)
    with pytest.raises(Conflict, match="Service shop/web-fed"):
        inventory.forget("gke-us", there)
    there.delete(SERVICE.path("shop", "web-fed"))

    key = IngressKey(namespace="shop", name="shop")
    stone = Tombstone(key=key, uid="u-1", cluster="gke-us", since=1.0)
    sources = KubeSources(connection)
    sources.put_tombstone(stone)
    with pytest.raises(Conflict, match="shop/shop"):
        inventory.forget("gke-us", there)
    sources.drop_tombstone(stone)

    inventory.forget("gke-us", there)
    inventory.forget("gke-us", there)
    assert config.list("ClusterProfile") == []
    assert config.list("Secret") == []
    there.close()


@pytest.fixture
def kubeconfig(member, tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "ca.pem").write_text(member.ca_data)
    encoded = base64.b64encode(member.ca_data.encode()).decode()
    inline = {"server": member.url, "certificate-authority-data": encoded}
    by_file = {"server": member.url, "certificate-authority": "ca.pem"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "inline",
        "clusters": [
            {"name": "inline", "cluster": inline},
            {"name": "by-file", "cluster": by_file},
            {"name": "open", "cluster": {**inline, "insecure-skip-tls-verify": True}},
        ],
        "users": [
            {"name": "token", "user": {"token": TOKEN}},
            {"name": "file", "user": {"tokenFile": "token"}},
            {"name": "plugin", "user": {"exec": {"command": "gke-gcloud-auth-plugin"}}},
        ],
        "contexts": [
            {"name": "inline", "context": {"cluster": "inline", "user": "token"}},
            {"name": "files", "context": {"cluster": "by-file", "user": "file"}},
            {"name": "plugin", "context": {"cluster": "inline", "user": "plugin"}},
            {"name": "open", "context": {"cluster": "open", "user": "token"}},
        ],
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    return str(path)


@pytest.mark.parametrize("context", ["", "inline", "files"])
def test_a_context_gives_server_authority_and_token(member, kubeconfig, context):
    """Inline data and files beside the kubeconfig are read alike."""
    found = entrance(kubeconfig, context)

    assert (found.server, found.ca_data, found.token) == (member.url, member.ca_data, TOKEN)
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    ("context", "word"),
    [("plugin", "kubectl create token"), ("open", "authority"), ("nowhere", "inline")],
)
def test_a_context_that_works_here_only_is_refused(kubeconfig, context, word):
    """Exec plugins, unverified servers and unknown contexts get a sentence with a way out."""
    with pytest.raises(Invalid, match=word):
        entrance(kubeconfig, context)


def test_a_token_given_beside_replaces_a_plugin(kubeconfig):
    """The way out of an exec plugin works."""
    assert entrance(kubeconfig, "plugin", token="other").token == "other"


@pytest.mark.parametrize("context", ["", "files"])
def test_the_config_cluster_is_reached_by_kubeconfig(kubeconfig, context):
    """The official loader's kubeconfig leads to a working connection."""
    connection = from_kubeconfig(kubeconfig, context=context, concern="cli", timeouts=QUICK)

    assert connection.get(SERVICE, "shop", "nothing") is None
    connection.close()


def test_a_bad_kubeconfig_is_one_sentence(tmp_path, kubeconfig):
    """Missing files and contexts are Invalid, not tracebacks."""
    with pytest.raises(Invalid, match="cannot be used"):
        from_kubeconfig(str(tmp_path / "none"), concern="cli")
    with pytest.raises(Invalid, match="cannot be used"):
        from_kubeconfig(kubeconfig, context="nowhere", concern="cli")
