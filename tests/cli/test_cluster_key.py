"""`fedingress cluster key`: pairs are made, registered beside one another, and taken back."""

import itertools
import stat
import threading

import pytest

from fedingress.adapters.kube import connect
from fedingress.adapters.kube.publishers import KubePublishers
from fedingress.adapters.signing import is_signed, new_pair, signer
from fedingress.domain.event import Event
from fedingress.domain.publisher import CONFIG_MAP_NAME, decode
from fedingress.domain.work import Work

pytestmark = pytest.mark.wire

NAMESPACE = "fedingress-inventory"
EVENT = Event(id="1", source="x", work=Work(concern="fanout", unit="shop/shop", cause="changed"))
NUMBERS = itertools.count(1)


@pytest.fixture
def name():
    return f"keyed-{next(NUMBERS)}"


def registry(world):
    found = world.clusters["config"].get("configmaps", NAMESPACE, CONFIG_MAP_NAME) or {}
    return decode(found.get("data"))


def test_a_pair_is_made_and_registered(world, fedingress, tmp_path, name):
    """The file is its owner's alone, and what is signed with it passes with the public half."""
    file = tmp_path / "key.pem"
    answer = fedingress("cluster", "key", name, "--write", file, "-o", "json")

    assert (answer.code, answer.err) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = registry(world).key(name, answer.json["key"])
    assert is_signed(signer(file).sign(EVENT), key)
    assert answer.json["public"] == key.text
    assert answer.json["state"] == "registered"
    listed = fedingress("cluster", "list", "-o", "json").json
    assert listed["other_publishers"][name] == [key.id]
    assert f"{name} is no member, and publishes: {key.id}" in fedingress("cluster", "list").out


def test_a_rotation_has_two_keys_for_a_while(world, fedingress, tmp_path, name):
    """The second stands beside the first, which is then removed."""
    ids = [
        fedingress("cluster", "key", name, "--write", tmp_path / f"{n}", "-o", "json").json["key"]
        for n in range(2)
    ]
    assert [key.id for key in registry(world).keys[name]] == ids

    answer = fedingress("cluster", "key", name, "--remove", ids[0])
    assert (answer.code, answer.out) == (0, f"{ids[0]} is removed\n")
    assert [key.id for key in registry(world).keys[name]] == ids[1:]
    assert "has no key" in fedingress("cluster", "key", name, "--remove", ids[0]).err


def test_what_cannot_be_done_leaves_nothing(world, fedingress, tmp_path, name):
    """A file that exists, a bad name and a fifth key are refused, and no pair is left of them."""
    taken = tmp_path / "taken"
    taken.write_text("precious")
    assert "exists" in fedingress("cluster", "key", name, "--write", taken).err
    assert taken.read_text() == "precious"
    assert "not the name" in fedingress("cluster", "key", "A_B", "--write", tmp_path / "x").err
    assert "cannot be written" in fedingress("cluster", "key", name, "--write", "/no/x").err
    assert "exclude" in fedingress("cluster", "key", name, "--write", "x", "--remove", "y").err
    for n in range(4):
        assert fedingress("cluster", "key", name, "--write", tmp_path / f"{n}").code == 0
    assert "has 4 keys" in fedingress("cluster", "key", name, "--write", tmp_path / "fifth").err

    assert not (tmp_path / "fifth").exists()
    assert len(registry(world).keys[name]) == 4


def test_joining_makes_a_key_and_forgetting_takes_it_back(world, fedingress, tmp_path, name):
    """A member may come with its key; when it is forgotten its events are taken no more."""
    context = ("--kubeconfig", world.kubeconfig, "--context", "gke-us")
    file = tmp_path / "key.pem"
    joined = fedingress("cluster", "join", name, *context, "--key", file, "-o", "json").json
    rows = fedingress("cluster", "list", "-o", "json").json["members"]
    assert {row["name"]: row["keys"] for row in rows}[name] == joined["key"]
    assert file.exists()

    assert fedingress("cluster", "leave", name, "--forget").code == 0
    assert registry(world).keys.get(name) is None


def test_writers_at_the_same_time_lose_nothing(world, fedingress, name):
    """Three keys registered at once all stand there."""
    connection = connect.from_kubeconfig(str(world.kubeconfig), concern="test", context="config")
    publishers = KubePublishers(connection, namespace=NAMESPACE)
    publics = [new_pair()[1] for _ in range(3)]
    threads = [threading.Thread(target=publishers.add, args=(name, each)) for each in publics]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert set(registry(world).keys[name]) == set(publics)
    assert publishers.forget("nobody") is False
    connection.close()


def test_a_directory_is_told_what_to_write(fedingress, tmp_path, monkeypatch, name):
    """The line for the ConfigMap is printed, and the private key is in its file."""
    (tmp_path / "sources").mkdir()
    monkeypatch.setenv("FEDINGRESS_SOURCES", f"directory:{tmp_path / 'sources'}")
    monkeypatch.setenv("FEDINGRESS_STORE", "memory:")
    answer = fedingress("cluster", "key", name, "--write", tmp_path / "key.pem")

    assert answer.code == 0
    assert f"under data.{name}: {signer(tmp_path / 'key.pem').public.text}" in answer.out
    assert "are a directory" in fedingress("cluster", "key", name, "--remove", "x").err
