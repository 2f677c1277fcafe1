import base64

import pytest
from hypothesis import given

from fedingress.domain.cluster import Access, EksCluster, MemberCluster
from fedingress.planning.decode import member
from fedingress.planning.decode.access import encode_access
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
            annotations={"fedingress.dev/leaving": "true", "fedingress.dev/drain": "true"},
            labels={"env": "prod"},
            properties=[
                *properties(
                    provider="gcp",
                    region="us-central1",
                    zones="us-central1-a, us-central1-b,us-central1-a",
                    project="lab",
                    network="default",
                    **{"node-tags": "gke-us-node, web,web"},
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
        node_tags=("gke-us-node", "web"),
        uid="5f0c",
        healthy=True,
        leaving=True,
        drained=True,
        labels={"env": "prod"},
    )


def test_a_profile_without_status_is_a_member_without_access():
    """Its manager has not been there yet; that is no fault."""
    found = member(profile(accessProviders=None))
    assert (found.access, found.healthy, found.provider) == (None, None, "")


EKS = {"cluster": "shop", "region": "us-east-1"}
ROLE = "arn:aws:iam::123456789012:role/fleet/federated-ingress"
PLUGINS = "client.authentication.k8s.io/exec"


def extensions(ours=None, **others):
    named = {"fedingress.dev/access": ours} if ours is not None else {}
    return [{"name": name, "extension": held} for name, held in (named | others).items()]


@pytest.mark.parametrize(
    ("name", "cloud", "secret"),
    [("gke", "gcp", ""), ("eks", "aws", ""), ("fedingress-token", "", "inventory/gke-us-token")],
)
def test_the_access_provider_implies_the_cloud(name, cloud, secret):
    """A Secret is named only for tokens."""
    more = {"extensions": extensions(EKS)} if name == "eks" else {}
    found = member(profile(accessProviders=[provider(name, **more)]))
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


def eks_of(*, region="", **more):
    listed = properties(region=region) if region else []
    return member(profile(properties=listed, accessProviders=[provider("eks", **more)])).access.eks


def test_an_eks_cluster_is_told_in_our_extension():
    """Its name, its region and a role; the member's region serves where none is said."""
    told = extensions({**EKS, "role": ROLE})
    assert eks_of(extensions=told) == EksCluster(name="shop", region="us-east-1", role=ROLE)
    told = extensions({"cluster": "shop"})
    assert eks_of(extensions=told, region="eu-west-1").region == "eu-west-1"
    assert eks_of(extensions=extensions(EKS), region="eu-west-1").region == "us-east-1"


@pytest.mark.parametrize("word", ["clusterName", "clusterId"])
def test_the_configuration_of_plugins_is_read_for_eks(word):
    """It is data, and cluster managers write it; what our own extension says comes first."""
    plugin = {word: "theirs", "region": "us-west-2"}
    assert eks_of(extensions=extensions(**{PLUGINS: plugin})).name == "theirs"
    both = extensions(EKS, **{PLUGINS: plugin})
    assert eks_of(extensions=both) == EksCluster(name="shop", region="us-east-1")


SECRETS = (
    "projects/shop/secrets/rack-1/versions/latest",
    "projects/123456789012/secrets/rack_1/versions/7",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:fleet/rack-AbCdEf",
)


@pytest.mark.parametrize("reference", SECRETS)
def test_a_token_may_be_kept_elsewhere(reference):
    """In Secret Manager or Secrets Manager, by reference."""
    offered = provider(extensions=extensions({"secret": reference}))
    assert member(profile(accessProviders=[offered])).access.token_secret == reference


@pytest.mark.parametrize(
    "access",
    [
        Access(provider="gke", server="https://a"),
        Access(
            provider="fedingress-token", server="https://a", ca_data=PEM, token_secret=SECRETS[0]
        ),
        Access(provider="eks", server="https://a", eks=EksCluster(name="a", region="us-east-1")),
        Access(
            provider="eks",
            server="https://a",
            eks=EksCluster(name="a", region="us-east-1", role=ROLE),
        ),
    ],
    ids=lambda access: access.provider,
)
def test_access_is_written_as_it_is_read(access):
    """What `cluster join` writes decodes to what was asked for."""
    offered = encode_access(access, beside=False)
    assert member(profile(accessProviders=[offered])).access == access


def test_the_secret_beside_the_profile_goes_without_saying():
    """It is not named in the profile, and found by the member's name."""
    access = Access(provider="fedingress-token", server="https://a", token_secret="")
    offered = encode_access(access, beside=True)
    assert "extensions" not in offered["cluster"]
    found = member(profile(accessProviders=[offered]))
    assert found.access.token_secret == "inventory/gke-us-token"


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
    "exec for gke": (
        provider("gke", extensions=[{"name": "client.authentication.k8s.io/exec"}]),
        f"{CLUSTER}.extensions[0]: exec plugins are refused",
    ),
    "eks without a name": (
        provider("eks", extensions=extensions({"region": "us-east-1"})),
        f"{CLUSTER}.extensions: fedingress.dev/access must say `cluster`",
    ),
    "eks without a region": (
        provider("eks", extensions=extensions({"cluster": "a"})),
        f"{CLUSTER}.extensions: fedingress.dev/access must say `region`",
    ),
    "eks in no region": (
        provider("eks", extensions=extensions({"cluster": "a", "region": "x.example.com"})),
        f"{CLUSTER}.extensions[0].extension.region: 'x.example.com' is not a region",
    ),
    "eks with an empty name": (
        provider("eks", extensions=extensions({**EKS, "cluster": ""})),
        f"{CLUSTER}.extensions[0].extension.cluster: is required",
    ),
    "eks by another's name": (
        provider("eks", extensions=extensions({**EKS, "cluster": "a\r\nb"})),
        f"{CLUSTER}.extensions[0].extension.cluster: ",
    ),
    "eks by a user": (
        provider("eks", extensions=extensions({**EKS, "role": "arn:aws:iam::1:user/x"})),
        f"{CLUSTER}.extensions[0].extension.role: 'arn:aws:iam::1:user/x' is not the ARN",
    ),
    "a plugin's configuration that is none": (
        provider("eks", extensions=extensions(EKS, **{PLUGINS: "x"})),
        f"{CLUSTER}.extensions[1].extension: 'x' is not an object",
    ),
    "a secret nowhere": (
        provider(extensions=extensions({"secret": "other/secret"})),
        f"{CLUSTER}.extensions[0].extension.secret: 'other/secret' is not a version",
    ),
    "a secret for gke": (
        provider("gke", extensions=extensions({"secret": SECRETS[0]})),
        f"{CLUSTER}.extensions[0].extension.secret: ",
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
    "node tags": (
        properties(**{"node-tags": "a,B"}),
        "value: 'B' is not the name of a network tag",
    ),
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
