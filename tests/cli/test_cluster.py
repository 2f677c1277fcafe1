"""`fedingress cluster`: joining by a context of a kubeconfig, leaving, forgetting, listing."""

import base64
import itertools

import pytest
import yaml

from tests.doors.shop import GKE

pytestmark = pytest.mark.wire

NAMESPACE = "fedingress-inventory"
PROFILES = "clusterprofiles.multicluster.x-k8s.io"
NUMBERS = itertools.count(1)
PROPERTIES = ("--property", "provider=gcp", "--property", "region=us-central1")


@pytest.fixture
def join(world, fedingress):
    """`join(*options)` makes gke-us a member under another name, which is forgotten at the end."""
    name = f"joined-{next(NUMBERS)}"

    def call(*options):
        context = ("--kubeconfig", world.kubeconfig, "--context", "gke-us")
        return name, fedingress("cluster", "join", name, *context, *options)

    yield call
    fedingress("cluster", "leave", name, "--forget")


def members(fedingress):
    return {row["name"]: row for row in fedingress("cluster", "list", "-o", "json").json["members"]}


def test_a_member_joins_by_its_context(world, fedingress, join):
    """Profile, status and token are written, and the new member is listed with what was said."""
    name, answer = join(*PROPERTIES, "--label", "tier=test", "-o", "json")

    assert (answer.code, answer.err) == (0, "")
    assert answer.json == {"name": name, "state": "joined", "uid": world.clusters["gke-us"].uid()}
    row = members(fedingress)[name]
    assert (row["provider"], row["region"]) == ("gcp", "us-central1")
    assert "tier=test" in row["labels"]
    secret = world.clusters["config"].get("secrets", NAMESPACE, f"{name}-token")
    token = base64.b64decode(secret["data"]["token"]).decode()
    assert token == world.world.clusters["gke-us"].people_token


def test_a_token_of_ones_own_replaces_the_users(world, fedingress, join, tmp_path):
    """With --token-file the context's user does not count."""
    file = tmp_path / "token"
    file.write_text(f"{world.world.clusters['gke-us'].functions_token}\n")
    name, answer = join("--token-file", file)

    assert answer.code == 0
    secret = world.clusters["config"].get("secrets", NAMESPACE, f"{name}-token")
    token = base64.b64decode(secret["data"]["token"]).decode()
    assert token == file.read_text().strip()


def access_of(world, name):
    profile = world.clusters["config"].get(PROFILES, NAMESPACE, name)
    (access,) = profile["status"]["accessProviders"]
    return access


def test_a_member_joins_by_the_functions_google_identity(world, fedingress, tmp_path):
    """With --access gke the context's exec plugin does not matter, and no Secret is written."""
    file = kubeconfig(tmp_path, world, exec={"command": "gke-gcloud-auth-plugin"})
    context = ("--kubeconfig", file, "--context", "gke-us", "--access", "gke")
    answer = fedingress("cluster", "join", "by-google", *context)
    try:
        assert (answer.code, answer.err) == (0, "")
        access = access_of(world, "by-google")
        assert (access["name"], "extensions" in access["cluster"]) == ("gke", False)
        secret = world.clusters["config"].get("secrets", NAMESPACE, "by-google-token")
        assert secret is None
        assert members(fedingress)["by-google"]["provider"] == "gcp"
    finally:
        assert fedingress("cluster", "leave", "by-google", "--forget").code == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--access", "gke", "--token-file", "x"), "--access gke takes no token"),
        (("--access", "eks", "--token-from", "x"), "--access eks takes no token"),
        (("--token-from", "x", "--token-file", "x"), "exclude each other"),
        (("--role", "x"), "go with --access eks"),
        (("--access", "eks"), "must say `region`"),
        (("--access", "eks", "--eks-region", "x"), "'x' is not a region of AWS"),
        (("--access", "eks", "--eks-region", "eu-west-1", "--role", "x"), "not the ARN"),
        (("--token-from", "x"), "'x' is not a version in Secret Manager"),
    ],
)
def test_ways_in_that_cannot_be(world, fedingress, options, sentence):
    """Options that exclude each other, and what EKS would not take, are told before any call."""
    context = ("--kubeconfig", world.kubeconfig, "--context", "gke-us")
    answer = fedingress("cluster", "join", "other", *context, *options)

    assert answer.code == 1
    assert sentence in answer.err
    assert "other" not in members(fedingress)


def test_leaving_can_be_taken_back(fedingress, join):
    """A member that leaves is listed as such, and stays after --undo."""
    name, _ = join(*PROPERTIES)
    leaving = fedingress("cluster", "leave", name)
    assert leaving.code == 0
    assert f"fedingress cluster leave {name} --forget" in leaving.out
    assert members(fedingress)[name]["state"] == "leaving"

    back = fedingress("cluster", "leave", name, "--undo", "-o", "json")
    assert back.json == {"name": name, "state": "member"}
    assert members(fedingress)[name]["state"] == "healthy"


def test_forgetting_removes_profile_and_token(world, fedingress, join):
    """Afterwards nothing of the member is in the inventory."""
    name, _ = join()
    answer = fedingress("cluster", "leave", name, "--forget", "-o", "json")

    assert answer.json == {"name": name, "state": "forgotten"}
    assert name not in members(fedingress)
    assert world.clusters["config"].get("secrets", NAMESPACE, f"{name}-token") is None
    assert world.clusters["config"].get(PROFILES, NAMESPACE, name) is None


def test_a_member_with_something_of_ours_is_not_forgotten(world, fedingress, join):
    """What is left there is named, and the profile stays."""
    name, _ = join()
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "left",
            "namespace": "shop",
            "labels": {"fedingress.dev/owner-uid": "u"},
        },
        "spec": {"ports": [{"port": 80}]},
    }
    world.run(lambda w: w.cluster("gke-us").kube.put(service, manager="test"))
    answer = fedingress("cluster", "leave", name, "--forget")
    world.run(lambda w: w.cluster("gke-us").kube.remove("services", "shop", "left"))

    assert answer.code == 1
    assert "Service shop/left" in answer.err
    assert name in members(fedingress)


def test_members_of_another_manager_are_left_alone(world, fedingress):
    """The world's own members belong to its manager: no joining over them, no forgetting."""
    context = ("--kubeconfig", world.kubeconfig, "--context", "gke-us")
    for words in (("join", "gke-us", *context), ("leave", "gke-us", "--forget")):
        answer = fedingress("cluster", *words)
        assert answer.code == 1
        assert "not by us" in answer.err


def kubeconfig(tmp_path, world, **user):
    """The world's kubeconfig, with another way for gke-us to log in."""
    config = yaml.safe_load(world.kubeconfig.read_text())
    for each in config["users"]:
        if each["name"] == "gke-us":
            each["user"] = user
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


@pytest.mark.parametrize(
    ("user", "word"),
    [
        ({"exec": {"command": "gke-gcloud-auth-plugin", "apiVersion": "v1"}}, "exec"),
        ({"auth-provider": {"name": "gcp"}}, "auth-provider"),
        ({"client-certificate-data": "eA==", "client-key-data": "eA=="}, "client-certificate-data"),
        ({}, "nothing"),
    ],
)
def test_users_that_need_a_program_are_refused(world, fedingress, tmp_path, user, word):
    """What only works on this machine is refused, with the way out; nothing is written."""
    file = kubeconfig(tmp_path, world, **user)
    answer = fedingress("cluster", "join", "other", "--kubeconfig", file, "--context", "gke-us")

    assert answer.code == 1
    assert f"authenticates by {word}" in answer.err
    assert "kubectl create token" in answer.err
    assert "other" not in members(fedingress)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--context", "nowhere"), "has no context 'nowhere'"),
        (("--context", "gke-us", "--property", "region"), "--property 'region' is not KEY=VALUE"),
        (("--context", "gke-us", "--property", "colour=red"), "colour is no property"),
        (("--context", "gke-us", "--token-file", "/missing"), "/missing cannot be read"),
    ],
)
def test_what_is_wrong_is_told(world, fedingress, options, sentence):
    """One sentence on standard error, exit 1."""
    answer = fedingress("cluster", "join", "other", "--kubeconfig", world.kubeconfig, *options)

    assert answer.code == 1
    assert answer.err.startswith("error: ")
    assert sentence in answer.err


def test_a_token_that_is_refused_joins_nobody(world, fedingress, tmp_path):
    """The member is looked at with the very token that is to be stored."""
    file = kubeconfig(tmp_path, world, token="wrong")
    answer = fedingress("cluster", "join", "other", "--kubeconfig", file, "--context", "gke-us")

    assert answer.code == 1
    assert "other" not in members(fedingress)


def test_an_unknown_member_cannot_leave(world, fedingress):
    """Its name is told."""
    assert "there is no member nobody" in fedingress("cluster", "leave", "nobody").err
    assert "exclude each other" in fedingress("cluster", "leave", "x", "--undo", "--forget").err


def test_everybody_is_listed(world, fedingress):
    """The world's members with their places, as table and as JSON."""
    found = members(fedingress)
    for member in GKE:
        assert found[member.name]["region"] == member.region
        assert found[member.name]["zones"] == ",".join(member.zones)

    table = fedingress("cluster", "list")
    assert (table.code, table.err) == (0, "")
    assert table.out.splitlines()[0].split()[:3] == ["NAME", "PROVIDER", "REGION"]


def test_a_profile_that_cannot_be_read_is_told(world, fedingress):
    """It stands among the faults, in the table too, and the others are listed all the same."""
    profile = {
        "apiVersion": "multicluster.x-k8s.io/v1alpha1",
        "kind": "ClusterProfile",
        "metadata": {"name": "odd", "namespace": NAMESPACE},
        "spec": {"clusterManager": {"name": "someone"}},
        "status": {"properties": [{"name": "fedingress.dev/provider", "value": "moon"}]},
    }
    world.run(lambda w: w.config.kube.put(profile, manager="test"))
    world.run(lambda w: w.config.kube.put(profile, manager="test", subresource="status"))
    listed = fedingress("cluster", "list", "-o", "json").json
    table = fedingress("cluster", "list").out
    world.run(lambda w: w.config.kube.remove(PROFILES, NAMESPACE, "odd"))

    assert any("odd" in fault and "moon" in fault for fault in listed["faults"])
    assert {member.name for member in GKE} <= {row["name"] for row in listed["members"]}
    assert "! " in table
