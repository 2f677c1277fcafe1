"""What can be asked for: members and worlds, and what they tell their users."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from localcloud.world import kubeconfig
from localcloud.world.environment import Places, environment, shell
from localcloud.world.spec import (
    DEFAULT_MEMBERS,
    MemberSpec,
    WorldSpec,
    accounts_from,
    members_from,
)

SHELLS = [name for name in ("sh", "bash", "dash", "zsh", "ksh") if shutil.which(name)]


def places(state=Path("/state")):
    return Places(
        state=state,
        kubeconfig=state / "kubeconfig",
        functions_kubeconfig=state / "functions.kubeconfig",
        gcp_port=1001,
        metadata_port=1002,
        sts_port=1005,
        aws_key=("AKIALAB", "lab-secret"),
        aws_port=1006,
        dns_port=1003,
        control_port=1004,
        http_port=8080,
        https_port=8443,
        project="lab",
        aws_roles="",
        clients={"us-central1": "127.9.200.1", "europe-west1": "127.9.201.1"},
    )


def test_members_by_name_and_by_place():
    """A command line names default members or describes new ones, in its own order."""
    found = members_from(
        "gke-eu, lab-1=onprem/berlin/room-1+room-2, b=gcp/us-east1/us-east1-b/blue"
    )

    assert found[0] in DEFAULT_MEMBERS
    assert found[1] == MemberSpec(
        name="lab-1", provider="onprem", region="berlin", zones=("room-1", "room-2")
    )
    assert (found[2].zones, found[2].network) == (("us-east1-b",), "blue")
    assert [member.node_tags for member in found] == [("gke-gke-eu-node",), (), ("gke-b-node",)]


@pytest.mark.parametrize(
    "text",
    [
        "gke-mars",
        "x=azure/r/z",
        "x=gcp",
        "x=gcp/r",
        "x=gcp/r/",
        "X=gcp/r/z",
        "config=gcp/r/z",
        "x=gcp/r/z/B",
        "x=aws/r/z/b",
    ],
)
def test_members_that_cannot_be(text):
    """A member needs a known name, or a name, a known provider, a region and a zone."""
    with pytest.raises(ValueError, match=r".+"):
        members_from(text)


def test_other_accounts_by_number_and_domain():
    """Each has a zone; the final dot may be left out."""
    found = accounts_from("222222222222=net.example.com, 333333333333=b.example.com.")

    assert found == (("222222222222", "net.example.com."), ("333333333333", "b.example.com."))
    assert WorldSpec(accounts=found).accounts == found


@pytest.mark.parametrize(
    "text", ["2", "2=x", "222222222222=", "000000000000=x", "222222222222=x,222222222222=y"]
)
def test_accounts_that_cannot_be(text):
    """Twelve digits, none of them our own account's, each once, with a domain."""
    with pytest.raises(ValueError, match=r"ACCOUNT=DOMAIN|12 digits"):
        WorldSpec(accounts=accounts_from(text))


@pytest.mark.parametrize("members", [(), DEFAULT_MEMBERS[:1] * 2])
def test_worlds_that_cannot_be(members):
    """A world has members, each name once."""
    with pytest.raises(ValueError, match="each name once"):
        WorldSpec(members=members)


def test_regions_are_those_of_the_members():
    """Every region is named once, in the order of the members."""
    spec = WorldSpec(members=(*DEFAULT_MEMBERS, members_from("b=gcp/us-central1/us-central1-f")[0]))

    assert spec.regions == ("us-central1", "europe-west1", "us-east-1", "ap-southeast-1")


def test_environment_names_every_door():
    """The variables hold the ports of the parts, and one client address per region."""
    found = environment(places())

    assert found["FEDINGRESS_COMPUTE_ENDPOINT"] == "http://127.0.0.1:1001"
    assert found["GCE_METADATA_HOST"] == found["GCE_METADATA_IP"] == "127.0.0.1:1002"
    assert found["LOCALCLOUD_DNS"] == "127.0.0.1:1003"
    assert found["LOCALCLOUD_CONTROL"] == "http://127.0.0.1:1004"
    assert found["LOCALCLOUD_CLIENT_EUROPE_WEST1"] == "127.9.201.1"
    assert found["FEDINGRESS_STORE"] == "sqlite:/state/store.sqlite"


def _fake(folder, name, body):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize("interpreter", SHELLS)
@pytest.mark.parametrize("asker", ["dig", "fedingress"])
def test_fcurl_asks_as_the_region_and_connects_there(tmp_path, interpreter, asker):
    """A shell's fcurl asks DNS from the region's address and sends curl to the answer."""
    _fake(tmp_path, asker, f'echo "$@" > {tmp_path}/asked; echo 127.9.250.7')
    _fake(tmp_path, "curl", 'printf "%s\\n" "$@"')
    for tool in ("tr", "grep", "head", "cat"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    script = shell(environment(places())) + (
        "fcurl --region europe-west1 -i 'http://shop.example.com/a?b=http://c' -m 2"
    )
    done = subprocess.run(
        [shutil.which(interpreter), "-c", script],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == [
        *("--silent", "--show-error"),
        *("--noproxy", "*", "--interface", "127.9.201.1"),
        *("--connect-to", "shop.example.com:80:127.9.250.7:8080"),
        *("--connect-to", "shop.example.com:443:127.9.250.7:8443"),
        *("-i", "http://shop.example.com/a?b=http://c", "-m", "2"),
    ]
    asked = (tmp_path / "asked").read_text(encoding="utf-8")
    assert "127.9.201.1" in asked
    assert "shop.example.com" in asked


@pytest.mark.parametrize(
    ("words", "sentence"),
    [("--region mars http://a", "us-central1 europe-west1"), ("-s shop.example.com", "no URL")],
)
def test_fcurl_says_what_is_wrong(words, sentence):
    """An unknown region and a missing URL are errors with a sentence."""
    script = shell(environment(places())) + "fcurl " + words
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert sentence in done.stderr


def test_kubeconfig_is_private_and_complete(tmp_path):
    """A kubeconfig has one context per cluster, the first current, and only its owner reads it."""
    path = tmp_path / "kubeconfig"
    contexts = [
        kubeconfig.Context(name=name, server="https://127.0.0.1:1", ca=b"PEM", token="t-" + name)
        for name in ("config", "gke-us")
    ]
    kubeconfig.write(path, contexts)
    document = yaml.safe_load(path.read_text(encoding="utf-8"))

    assert path.stat().st_mode & 0o777 == 0o600
    assert document["current-context"] == "config"
    assert [c["name"] for c in document["contexts"]] == ["config", "gke-us"]
    assert document["users"][1]["user"] == {"token": "t-gke-us"}
    assert "t-gke-us" not in repr(contexts)
