"""Certificates of a test's own authority, as Secrets of users."""

import base64
import datetime as dt
from typing import Any

import trustme

AUTHORITY = trustme.CA(organization_name="tests")


def issued(*hosts: str, expires: dt.datetime | None = None) -> tuple[str, str]:
    """Chain and key in PEM for *hosts*; another pair each time."""
    made = AUTHORITY.issue_cert(*hosts, not_after=expires)
    chain = "".join(pem.bytes().decode() for pem in made.cert_chain_pems)
    return chain, made.private_key_pem.bytes().decode()


def secret(name: str, chain: str, key: str, *, namespace: str = "shop") -> dict[str, Any]:
    """A Secret of type kubernetes.io/tls."""
    data = {"tls.crt": chain, "tls.key": key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": namespace},
        "data": {field: base64.b64encode(text.encode()).decode() for field, text in data.items()},
    }


def secret_for(name: str, *hosts: str, namespace: str = "shop") -> dict[str, Any]:
    """A Secret with a new certificate for *hosts*."""
    return secret(name, *issued(*hosts), namespace=namespace)
