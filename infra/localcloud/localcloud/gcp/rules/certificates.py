"""
Certificates and SSL policies.

Source: compute v1 ``SslCertificate`` and ``SslPolicy``; Google Cloud, "Self-managed SSL
certificates" and "SSL policies".

Managed certificates are provisioned by `managed_certificates`.

Not modelled: custom features and the FIPS profile of SSL policies, Certificate Manager (its maps
are kept as a name).
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from localcloud.gcp.errors import invalid, not_modelled, required
from localcloud.gcp.resources import Resources
from localcloud.gcp.rules.draft import Draft
from localcloud.gcp.times import compute_time

_PROFILES = frozenset({"COMPATIBLE", "MODERN", "RESTRICTED"})


def certificate(draft: Draft, resources: Resources) -> None:
    """
    Check a certificate; its private key is put aside and never answered.

    Raises:
        GoogleError: 400.
    """
    body = draft.body
    own = body.pop("selfManaged", None) or {}
    for name in ("certificate", "privateKey"):
        if own.get(name):
            body[name] = own[name]
    kind = body.setdefault("type", "MANAGED" if body.get("managed") else "SELF_MANAGED")
    if kind == "MANAGED":
        domains = (body.get("managed") or {}).get("domains")
        if not domains:
            raise required("resource.managed.domains")
        states = dict.fromkeys(domains, "PROVISIONING")
        body["managed"] |= {"status": "PROVISIONING", "domainStatus": states}
        return
    for name in ("certificate", "privateKey"):
        if not body.get(name):
            raise required(f"resource.{name}")
    leaf = _leaf(body["certificate"], body["privateKey"])
    resources.private_keys[draft.path] = body.pop("privateKey")
    body["selfManaged"] = {"certificate": body["certificate"]}
    body["expireTime"] = compute_time(leaf.not_valid_after_utc.timestamp())
    body["subjectAlternativeNames"] = _names(leaf)


def policy(draft: Draft, _resources: Resources) -> None:
    """
    Check an SSL policy and say what it enables.

    Raises:
        GoogleError: 400, 501 for profiles that are not modelled.
    """
    body = draft.body
    profile, lowest = body["profile"], body["minTlsVersion"]
    if profile not in _PROFILES:
        raise not_modelled(f"SSL policies of profile {profile}")
    if lowest == "TLS_1_3" and profile != "RESTRICTED":
        why = "The profile must be RESTRICTED for the minimum TLS version TLS_1_3."
        raise invalid("resource.profile", profile, why)


def _leaf(chain: str, key: str) -> x509.Certificate:
    try:
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
    except ValueError:
        why = "The SSL certificate could not be parsed."
        raise invalid("resource.certificate", "", why) from None
    try:
        public = load_pem_private_key(key.encode(), password=None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        why = "The SSL key could not be parsed."
        raise invalid("resource.privateKey", "", why) from None
    if public != leaf.public_key():
        why = "The SSL key is invalid: it does not match the certificate."
        raise invalid("resource.privateKey", "", why)
    return leaf


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return sorted(found.get_values_for_type(x509.DNSName))
