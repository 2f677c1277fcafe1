"""Publishers: whom a source names, and a registry of keys that faults cannot empty."""

import base64
import hashlib

import pytest

from fedingress.domain import publisher
from fedingress.domain.errors import Invalid
from fedingress.domain.publisher import CONFIG_MAP_NAME, PublicKey

ONE, TWO = PublicKey(raw=b"1" * 32), PublicKey(raw=b"2" * 32)


def test_a_source_names_owner_and_cluster():
    """What is written is read again."""
    assert publisher.source_of("lab", "gke-us") == "//fedingress.dev/lab/cluster/gke-us"
    assert publisher.named_by("//fedingress.dev/lab/cluster/gke-us") == ("lab", "gke-us")


@pytest.mark.parametrize(
    "source",
    [
        "//fedingress.dev/lab/fanout",
        "//fedingress.dev/lab/cluster/",
        "//fedingress.dev/lab/cluster/a/b",
        "//fedingress.dev/lab/cluster/A",
        "//fedingress.dev//cluster/a",
        "//fedingress.example/lab/cluster/a",
        "x//fedingress.dev/lab/cluster/a",
        "//fedingress.dev/lab/cluster/a\n",
    ],
)
def test_other_sources_name_no_cluster(source):
    """Anything but that one form is nobody's."""
    assert publisher.named_by(source) is None


def test_keys_are_found_by_cluster_and_id():
    """A rotation holds two; another cluster's key, or an unknown id, is none."""
    found = publisher.decode({"a": publisher.encode((ONE, TWO)), "b": f"\n{ONE.text}"})

    assert found.faults == ()
    assert found.key("a", TWO.id) == TWO
    assert found.key("b", ONE.id) == ONE
    assert found.key("b", TWO.id) is None
    assert found.key("c", ONE.id) is None


def test_the_id_is_a_digest_of_the_key():
    """Sixteen digits that only this key has, so that nobody chooses an id."""
    assert ONE.id == hashlib.sha256(ONE.raw).hexdigest()[:16]
    assert ONE.id != TWO.id


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("x", "data is no object"),
        ({"A/B": ONE.text}, "'A/B' is not the name of a cluster"),
        ({7: ONE.text}, "'7' is not the name of a cluster"),
        ({"b": None}, "b: the key is not `ed25519 BASE64` of 32 bytes"),
        ({"b": "ed25519 %%%"}, "b: the key is not base64"),
        ({"b": f"rsa {base64.b64encode(ONE.raw).decode()}"}, "b: the key is not `ed25519 BASE64`"),
        ({"b": f"ed25519 {base64.b64encode(b'short').decode()}"}, "of 32 bytes"),
        ({"b": f"{ONE.text}\n" * 5}, "b has more than 4 keys"),
    ],
)
def test_faults_are_told_and_harm_nobody_else(data, fault):
    """One fault is one sentence, and the other clusters keep their keys."""
    whole = {**data, "good": TWO.text} if isinstance(data, dict) else data
    found = publisher.decode(whole)

    (told,) = found.faults
    assert told.startswith(f"{CONFIG_MAP_NAME}: ")
    assert fault in told
    assert found.key("good", TWO.id) == (TWO if isinstance(data, dict) else None)


def test_no_registry_has_no_keys():
    """A missing ConfigMap, or one without data, is no fault."""
    assert publisher.decode(None) == publisher.Publishers()


def test_one_key_is_read_alone():
    """A line with spaces around is a key; a name is one or not."""
    assert publisher.public_key(f"  {ONE.text}\n") == ONE
    with pytest.raises(Invalid):
        publisher.public_key("")
    assert publisher.is_cluster_name("gke-us.v2")
    assert not publisher.is_cluster_name("gke_us")
