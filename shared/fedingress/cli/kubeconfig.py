"""Server, authority and token of one context of a kubeconfig, for a member that joins."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fedingress.domain.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAccess:
    """server: https.   ca_data: PEM, empty for public authorities."""

    server: str
    ca_data: str = field(repr=False)
    token: str = field(repr=False)


def token_access(path: Path, context: str) -> TokenAccess:
    """
    Read one context; only bearer tokens are carried over.

    Raises:
        Invalid: The file, the context or its user cannot be used; the reason says why.
    """
    try:
        config = yaml.safe_load(path.expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Invalid(f"{path} cannot be read: {str(error)[:200]}") from error
    if not isinstance(config, Mapping):
        raise Invalid(f"{path} is no kubeconfig")
    chosen = context or str(config.get("current-context", ""))
    place = _named(config, "contexts", chosen, path)["context"]
    cluster = _named(config, "clusters", str(place.get("cluster", "")), path)["cluster"]
    user = _named(config, "users", str(place.get("user", "")), path)["user"]
    if "exec" in user or "auth-provider" in user:
        raise Invalid(
            f"{path}: context {chosen} logs in by running a program, which a function cannot; make "
            "a service account for fedingress and give its token"
        )
    if not user.get("token"):
        raise Invalid(f"{path}: context {chosen} has no bearer token")
    return TokenAccess(
        server=str(cluster.get("server", "")),
        ca_data=_authority(cluster, path),
        token=str(user["token"]),
    )


def _named(config: Mapping[str, Any], kind: str, name: str, path: Path) -> Mapping[str, Any]:
    for item in config.get(kind) or ():
        if isinstance(item, Mapping) and item.get("name") == name:
            return item
    known = ", ".join(str(item.get("name")) for item in config.get(kind) or ()) or "none"
    raise Invalid(f"{path}: there is no {name!r} among the {kind}: {known}")


def _authority(cluster: Mapping[str, Any], path: Path) -> str:
    data = cluster.get("certificate-authority-data")
    file = cluster.get("certificate-authority")
    try:
        if data:
            return base64.b64decode(str(data), validate=True).decode()
        return Path(str(file)).expanduser().read_text(encoding="utf-8") if file else ""
    except (OSError, binascii.Error, ValueError) as error:
        raise Invalid(f"{path}: the certificate authority cannot be read: {error}") from error
