"""Key pairs of Secrets: what is taken, and every reason why one is not."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from fedingress.adapters.x509 import from_secret
from fedingress.domain.errors import Invalid
from tests.certificates import issued, secret

CHAIN, KEY = issued("Shop.example.com", "*.example.com")
PLAIN = serialization.NoEncryption()
ENCRYPTED = serialization.BestAvailableEncryption(b"sesame")


def pem(key, protection=PLAIN):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
    ).decode()


def own(key, digest=None, *names):
    """A certificate that *key* signed for itself."""
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "own")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(
        subject_name=title,
        issuer_name=title,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=now,
        not_valid_after=now + dt.timedelta(days=1),
    )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        made = made.add_extension(alternatives, critical=False)
    return made.sign(key, digest).public_bytes(serialization.Encoding.PEM).decode()


def test_a_pair_is_read_with_the_names_it_serves():
    """Chain, key, lower-case names and the end of its time; the key is in no repr."""
    found = from_secret("Secret shop/web", secret("web", CHAIN, KEY))

    assert found.chain.strip() == CHAIN.strip()
    assert found.hosts == ("*.example.com", "shop.example.com")
    assert found.expires_at > dt.datetime.now(dt.UTC).timestamp()
    assert "PRIVATE" not in repr(found)
    assert "PRIVATE" in found.key


def test_string_data_counts_first():
    """As an API server merges it, so a directory of YAML may hold plain PEM."""
    manifest = secret("web", "x", "y") | {"stringData": {"tls.crt": CHAIN, "tls.key": KEY}}

    assert from_secret("s", manifest).hosts == ("*.example.com", "shop.example.com")


CURVE = ec.generate_private_key(ec.SECP256R1())
SMALL = rsa.generate_private_key(65537, 1024)
ODD = ed25519.Ed25519PrivateKey.generate()
CASES = {
    "no data": ({"data": None}, "s: tls.crt is missing"),
    "an empty field": ({"data": {"tls.crt": "", "tls.key": ""}}, "s: tls.key is missing"),
    "no base64": ({"data": {"tls.crt": "?", "tls.key": "?"}}, "s: tls.crt is not base64"),
    "too long": ({"stringData": {"tls.crt": "x" * 70000}}, "s: tls.crt has more than 65536"),
    "no certificate": ({"stringData": {"tls.crt": "x"}}, "s: tls.crt holds no PEM certificate"),
    "no key": ({"stringData": {"tls.key": "x"}}, "s: tls.key holds no PEM private key"),
    "another's key": ({"stringData": {"tls.key": issued("x.org")[1]}}, "s: tls.key is not the key"),
    "an encrypted key": ({"stringData": {"tls.key": pem(CURVE, ENCRYPTED)}}, "is encrypted"),
    "a small key": ({"stringData": {"tls.key": pem(SMALL)}}, "RSA of 2048 bits"),
    "an odd key": ({"stringData": {"tls.key": pem(ODD)}}, "ECDSA on P-256"),
    "no names": (
        {"stringData": {"tls.crt": own(CURVE, hashes.SHA256()), "tls.key": pem(CURVE)}},
        "s: tls.crt has no subject alternative name",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_secret_is_refused_with_its_field_and_without_its_key(name):
    """Each reason names the field; no text of the key is in any of them."""
    change, words = CASES[name]
    with pytest.raises(Invalid) as refused:
        from_secret("s", secret("web", CHAIN, KEY) | change)

    told = str(refused.value)
    assert words in told
    for line in KEY.splitlines()[1:-1]:
        assert line not in told


def test_every_field_at_fault_is_named():
    """Both fields in one go."""
    with pytest.raises(Invalid) as refused:
        from_secret("s", {})

    assert refused.value.reasons == ("s: tls.crt is missing", "s: tls.key is missing")
