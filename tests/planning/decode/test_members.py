import base64

import pytest
from hypothesis import given

from fedingress.domain.cluster import Access, MemberCluster
from fedingress.planning.decode import member
from tests.planning.decode.mutations import mutated

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
ENCODED = base64.b64encode(PEM.encode()).decode()


def provider(name="fedingress-token", server="https://10.0.0.1:6443", **cluster):
    return {
        "name": name,
        "cluster": {"server": server, "certificate-authority-data": ENCODED, **cluster},
    }


def properties(**given):
    return [{"name": f"fedingress.dev/{name}", "value": value} for name, value in given.items()]


def profile(*, annotations=None, labels=None, **status):
    status = {"accessProviders": [provider()], **status}
    return {
        "apiVersion": "multicluster.x-k8s.io/v1alpha1",
        "kind": "ClusterProfile",
        "metadata": {
            "namespace": "inventory",
            "name": "gke-us",
            "annotations": annotations or {},
            "labels": labels or {},
        },
        "spec": {"displayName": "US", "clusterManager": {"name": "fedingress"}},
        "status": {name: value for name, value in status.items() if value is not None},
    }


def faults(manifest):
    found = member(manifest)
    assert not isinstance(found, MemberCluster), found
    return [str(fault).removeprefix("ClusterProfile inventory/gke-us: ") for fault in found]


def test_a_whole_profile_is_decoded():
    """Access, properties, health, labels and the wish to leave arrive."""
    found = member(
        profile(
            annotations={"fedingress.dev/leaving": "true"},
            labels={"env": "prod"},
            properties=[
                *properties(
                    provider="gcp",
                    region="us-central1",
                    zones="us-central1-a, us-central1-b,us-central1-a",
                    project="lab",
                    network="default",
                    uid="5f0c",
                ),
                {"name": "clusterset.k8s.io/anything", "value": "theirs"},
            ],
            conditions=[
                {"type": "Joined", "status": "True"},
                {"type": "ControlPlaneHealthy", "status": "True"},
            ],
        )
    )
    assert found == MemberCluster(
        name="gke-us",
        access=Access(
            provider="fedingress-token",
            server="https://10.0.0.1:6443",
            ca_data=PEM,
            token_secret="inventory/gke-us-token",
        ),
        provider="gcp",
        region="us-central1",
        zones=("us-central1-a", "us-central1-b"),
        project="lab",
        network="default",
        uid="5f0c",
        healthy=True,
        leaving=True,
        labels={"env": "prod"},
    )


def test_a_profile_without_status_is_a_member_without_access():
    """Its manager has not been there yet; that is no fault."""
    found = member(profile(accessProviders=None))
    assert (found.access, found.healthy, found.provider) == (None, None, "")


@pytest.mark.parametrize(
    ("name", "cloud", "secret"),
    [("gke", "gcp", ""), ("eks", "aws", ""), ("fedingress-token", "", "inventory/gke-us-token")],
)
def test_the_access_provider_implies_the_cloud(name, cloud, secret):
    """A Secret is named only for tokens."""
    found = member(profile(accessProviders=[provider(name)]))
    assert (found.provider, found.access.token_secret) == (cloud, secret)


def test_both_field_names_are_read():
    """The newer one wins; providers of others are passed over."""
    old = [provider("gke", server="https://old.example")]
    found = member(profile(accessProviders=None, credentialProviders=old))
    assert found.access.server == "https://old.example"
    found = member(profile(credentialProviders=old))
    assert found.access.server == "https://10.0.0.1:6443"
    found = member(profile(accessProviders=[provider("theirs")], credentialProviders=old))
    assert found.access.provider == "gke"


@pytest.mark.parametrize(
    ("status", "healthy"), [("True", True), ("False", False), ("Unknown", None)]
)
def test_health(status, healthy):
    """Unknown is neither."""
    conditions = [{"type": "ControlPlaneHealthy", "status": status}]
    assert member(profile(conditions=conditions)).healthy is healthy


def test_a_public_authority_and_a_path_are_fine():
    """Without authority data the certificate is publicly trusted; the URL may have a path."""
    cluster = {
        "server": "https://rancher.example/k8s/c-1/",
        "insecure-skip-tls-verify": False,
        "extensions": [{"name": "example.com/note", "extension": {}}],
    }
    found = member(profile(accessProviders=[{"name": "gke", "cluster": cluster}]))
    assert found.access == Access(provider="gke", server="https://rancher.example/k8s/c-1")


CLUSTER = "status.accessProviders[0].cluster"
REFUSED = {
    "plain http": (provider(server="http://127.0.0.1:8080"), f"{CLUSTER}.server: 'http://127"),
    "no server": ({"name": "gke", "cluster": {}}, f"{CLUSTER}.server: is required"),
    "no cluster": ({"name": "gke"}, f"{CLUSTER}.server: is required"),
    "credentials in the URL": (provider(server="https://a:b@c"), f"{CLUSTER}.server: 'https://a:b"),
    "user in the URL": (provider(server="https://a@c"), f"{CLUSTER}.server: 'https://a@c' has"),
    "query": (provider(server="https://c/?a=b"), f"{CLUSTER}.server: 'https://c/?a=b' has"),
    "no host": (provider(server="https:///x"), f"{CLUSTER}.server: 'https:///x' is not an https"),
    "bad port": (provider(server="https://c:99999"), f"{CLUSTER}.server: 'https://c:99999' is not"),
    "space": (provider(server="https://c d"), f"{CLUSTER}.server: 'https://c d' is not a URL"),
    "exec": (provider(exec={"command": "x"}), f"{CLUSTER}.exec: exec plugins are refused"),
    "exec in an extension": (
        provider(extensions=[{"name": "client.authentication.k8s.io/exec", "extension": {}}]),
        f"{CLUSTER}.extensions[0]: exec plugins are refused",
    ),
    "insecure": (
        provider(**{"insecure-skip-tls-verify": True}),
        f"{CLUSTER}.insecure-skip-tls-verify: is refused",
    ),
    "authority by path": (
        provider(**{"certificate-authority": "/etc/ca"}),
        f"{CLUSTER}.certificate-authority: is a path on another machine",
    ),
    "proxy": (provider(**{"proxy-url": "http://p"}), f"{CLUSTER}.proxy-url: is not supported"),
    "server name": (
        provider(**{"tls-server-name": "x"}),
        f"{CLUSTER}.tls-server-name: is not supported",
    ),
    "no base64": (
        provider(**{"certificate-authority-data": "%%"}),
        f"{CLUSTER}.certificate-authority-data: is not base64",
    ),
    "no PEM": (
        provider(**{"certificate-authority-data": "aGFsbG8="}),
        f"{CLUSTER}.certificate-authority-data: holds no PEM",
    ),
    "unknown provider": (
        provider("kubeconfig"),
        "status.accessProviders: none of 'kubeconfig' is served; known are gke, eks",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_access_is_refused(name):
    """What would weaken or bend the connection has a sentence of its own."""
    offered, expected = REFUSED[name]
    found = faults(profile(accessProviders=[offered]))
    assert len(found) == 1
    assert found[0].startswith(expected), found


PROPERTIES = {
    "provider": (properties(provider="azure"), "value: unknown provider 'azure'"),
    "region": (properties(region="US"), "value: 'US' is not the name of a region"),
    "zones": (properties(zones="a,B"), "value: 'B' is not the name of a zone"),
    "project": (properties(project="A"), "value: 'A' is not the id"),
    "account": (properties(account="123"), "value: '123' is not an AWS account"),
    "network": (properties(network="a/b"), "value: 'a/b' is not the name of a network"),
    "uid": (properties(uid="a b"), "value: 'a b' is not a uid"),
    "mistyped": (properties(regoin="x"), "name: unknown property 'regoin'; did you mean region?"),
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_properties_are_checked(name):
    """Only ours, each by its own grammar."""
    listed, expected = PROPERTIES[name]
    found = faults(profile(properties=listed))
    assert len(found) == 1
    assert found[0].startswith(f"status.properties[0].{expected}"), found


def test_a_property_twice_is_a_fault():
    """There is no saying which one is meant."""
    assert faults(profile(properties=[*properties(uid="a"), *properties(uid="a")])) == [
        "status.properties[1].name: fedingress.dev/uid is given twice"
    ]


def test_a_network_may_be_written_in_full():
    """As a shared network of another project is."""
    name = "projects/host/global/networks/shared"
    assert member(profile(properties=properties(network=name))).network == name


def test_every_fault_is_given_at_once():
    """Metadata, manager, properties, conditions and access."""
    manifest = profile(
        annotations={"fedingress.dev/leaving": "yes"},
        labels={"a": 1},
        properties=properties(region="A"),
        conditions=[{"type": "ControlPlaneHealthy", "status": "Fine"}],
        accessProviders=[provider(server="http://x")],
    )
    manifest["metadata"]["name"] = "A"
    manifest["spec"] = {}
    found = member(manifest)
    assert [fault.field for fault in found] == [
        "metadata.name",
        "spec.clusterManager.name",
        "status.properties[0].value",
        "status.accessProviders[0].cluster.server",
        "status.conditions[0].status",
        "metadata.annotations",
        "metadata.labels['a']",
    ]


@given(mutated(profile(properties=properties(region="a"), conditions=[{"type": "x"}])))
def test_any_value_at_any_place_gives_a_member_or_faults(manifest):
    """Whatever stands anywhere, the answer is a member or printable faults."""
    found = member(manifest)
    if not isinstance(found, MemberCluster):
        assert found
        assert all(str(fault).isprintable() for fault in found)
