import base64
import time

import pytest

from fedingress.domain.errors import Forbidden, Unavailable
from fedingress.domain.ingress import IngressKey
from tests.adapters.directory.desk import OTHER, profile, token_secret, write
from tests.contract.sources_suite import (
    KEY,
    ingress,
    ingress_class,
    policy,
)


class TestMembers:
    """Inventory and tokens."""

    def test_members_and_their_faults(self, root, sources):
        """Readable ones are listed; unreadable ones are named, also a name that stands twice."""
        write(
            root / "members.yaml",
            profile(),
            profile(name="http", server="http://127.0.0.1:1"),
            profile(name="twice"),
            profile(name="twice", namespace="elsewhere"),
        )
        inventory = sources.inventory()

        assert [member.name for member in inventory.members] == ["gke-us"]
        assert inventory.members[0].access.token_secret == "inventory/gke-us-token"
        assert inventory.unreadable == ("http", "twice")
        assert any("members.yaml#2" in fault and "https" in fault for fault in inventory.faults)

    def test_an_unparsable_file_freezes_its_members(self, root, sources):
        """They stay members, and the fault is told."""
        write(root / "members.yaml", profile())
        sources.inventory()
        (root / "members.yaml").write_text("{", encoding="utf-8")
        inventory = sources.inventory()

        assert [member.name for member in inventory.members] == ["gke-us"]
        assert inventory.faults

    @pytest.mark.parametrize(
        "fields",
        [
            {"stringData": {"token": "sesame\n"}},
            {"data": {"token": base64.b64encode(b"sesame").decode()}},
        ],
        ids=["plain", "base64"],
    )
    def test_tokens_come_from_secrets(self, root, sources, fields):
        """In either form; and they are not kept in the state folder."""
        write(root / "s.yaml", token_secret(**fields))
        assert sources.token("inventory/gke-us-token") == "sesame"
        kept = (root / ".fedingress").rglob("*")
        assert not [path for path in kept if path.is_file() and "sesame" in path.read_text()]

    @pytest.mark.parametrize("fields", [{"data": {"token": "%"}}, {"data": {"token": 1}}, {}])
    def test_a_token_that_does_not_decode_is_missing(self, root, sources, fields):
        """Garbage is never sent as a credential."""
        write(root / "s.yaml", token_secret(**fields))
        with pytest.raises(Forbidden):
            sources.token("inventory/gke-us-token")

    def test_a_missing_token_is_told(self, root, sources):
        """Forbidden says which Secret; while a file cannot be read it is only unavailable."""
        with pytest.raises(Forbidden, match="inventory/gke-us-token"):
            sources.token("inventory/gke-us-token")
        (root / "s.yaml").write_text("{", encoding="utf-8")
        with pytest.raises(Unavailable):
            sources.token("inventory/gke-us-token")

    def test_a_token_outlives_a_bad_edit(self, root, sources):
        """As every object does."""
        write(root / "s.yaml", token_secret(stringData={"token": "sesame"}))
        sources.token("inventory/gke-us-token")
        (root / "s.yaml").write_text("{", encoding="utf-8")
        assert sources.token("inventory/gke-us-token") == "sesame"


def test_the_default_class_and_the_annotation_of_old(root, sources):
    """An Ingress without a class is of the default one; the legacy annotation names one, too."""
    plain = ingress()
    del plain["spec"]["ingressClassName"]
    legacy = ingress(name="other", **{"kubernetes.io/ingress.class": "nginx"})
    del legacy["spec"]["ingressClassName"]
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    write(root / "a.yaml", plain, legacy, policy(), ingress_class(**default))

    assert [source.key for source in sources.list()] == [KEY]
    assert sources.policy(sources.get(KEY)).policy is not None
    assert not sources.policy(sources.get(OTHER)).federated


def test_a_directory_has_no_identity(sources):
    """It is no cluster, so no member is it."""
    assert sources.identity() == ""


def test_an_unchanged_directory_is_cheap(root, sources):
    """With 500 Ingresses in files of their own, a further get parses and writes nothing."""
    for number in range(500):
        write(root / f"{number}.yaml", ingress(name=f"shop-{number}"))
    keys = [IngressKey(namespace="shop", name=f"shop-{number}") for number in range(500)]
    assert sources.get(keys[0]) is not None
    started = time.monotonic()
    found = [sources.get(key) for key in keys[:50]]
    each = (time.monotonic() - started) / 50
    print(f"get among 500 unchanged Ingresses: {each * 1000:.1f} ms")

    assert all(found)
    assert each < 0.1
