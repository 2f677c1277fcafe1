"""Signatures of clusters: real keys, and everything that does not pass."""

from dataclasses import replace

import pytest

pytest.importorskip("cryptography")
from fedingress.adapters.signing import Signer, is_signed, new_pair, signer
from fedingress.domain.errors import Invalid
from fedingress.domain.event import Event
from fedingress.domain.work import Work

EVENT = Event(
    id="1",
    source="//fedingress.dev/lab/cluster/gke-us",
    work=Work(concern="fanout", unit="shop/web", cause="ingress.changed"),
    time="2026-11-22T21:00:00.250Z",
)
EC = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIA==\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def made(tmp_path) -> Signer:
    pem, public = new_pair()
    path = tmp_path / "key.pem"
    path.write_text(pem)
    found = signer(path)
    assert found.public == public
    return found


def test_what_is_signed_is_known_by_the_public_key(made):
    """The signature passes with its own key, and names it."""
    signed = made.sign(EVENT)

    assert signed.keyid == made.public.id
    assert is_signed(signed, made.public)


def test_nothing_else_passes(made):
    """Another key, another content, another's signature or none is refused."""
    signed, other = made.sign(EVENT), new_pair()[1]

    assert not is_signed(signed, other)
    assert not is_signed(replace(signed, work=replace(EVENT.work, unit="shop/x")), made.public)
    assert not is_signed(replace(signed, id="2"), made.public)
    assert not is_signed(replace(signed, signature=""), made.public)
    assert not is_signed(replace(signed, signature="A" * 86 + "=="), made.public)
    assert not is_signed(replace(signed, signature="%"), made.public)


@pytest.mark.parametrize("text", ["", "hello", EC])
def test_a_file_without_a_key_is_told(tmp_path, text):
    """Neither an empty file nor another kind of key passes for one."""
    path = tmp_path / "key.pem"
    path.write_text(text)
    with pytest.raises(Invalid, match=f"the signing key {path} is no"):
        signer(path)


def test_another_kind_of_key_is_told(tmp_path):
    """An RSA key is a key, and not ours."""
    from cryptography.hazmat.primitives import serialization as to
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        to.Encoding.PEM, to.PrivateFormat.PKCS8, to.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(pem)
    with pytest.raises(Invalid, match="no Ed25519 key"):
        signer(tmp_path / "key.pem")


def test_a_missing_file_is_told(tmp_path):
    """With its name and why."""
    with pytest.raises(Invalid, match="cannot be read: No such file"):
        signer(tmp_path / "none.pem")
