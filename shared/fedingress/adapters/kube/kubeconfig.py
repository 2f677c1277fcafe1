"""
A context of a user's kubeconfig as what a member needs: server, authority and token.

`fedingress cluster join` calls it. What stands in a ClusterProfile is used by machines elsewhere,
so exec plugins, client certificates and paths to local helpers are refused with a way out.

Source: Kubernetes documentation, "Organizing Cluster Access Using kubeconfig Files".
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fedingress.adapters.kube.errors import excerpt
from fedingress.domain.errors import Invalid

_WAY_OUT = (
    "create a service account in the member and join with its token: "
    "`kubectl create token NAME --duration=8760h`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """server: https.   ca_data: PEM, empty for public authorities."""

    server: str
    ca_data: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


def entrance(
    path: str, context: str = "", *, token: str = "", needs_token: bool = True
) -> Entrance:
    """
    What *context* (the current one if empty) of the kubeconfig at *path* says.

    A *token* given replaces the one in the file; where none is needed, the user is not looked at.

    Raises:
        Invalid: The file, the context, or its way of authentication cannot be used.
    """
    place = Path(path).expanduser()
    try:
        config = yaml.safe_load(place.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Invalid(f"{path} cannot be read: {excerpt(str(error))}") from error
    if not isinstance(config, dict):
        raise Invalid(f"{path} is no kubeconfig")
    name = context or str(config.get("current-context") or "")
    chosen = _named(config, "contexts", "context", name, path)
    cluster = _named(config, "clusters", "cluster", str(chosen.get("cluster") or ""), path)
    if needs_token and not token:
        user = _named(config, "users", "user", str(chosen.get("user") or ""), path)
        token = _token(user, name, place)
    if cluster.get("insecure-skip-tls-verify"):
        raise Invalid(
            f"context {name} does not verify its server; give it its certificate authority"
        )
    return Entrance(
        server=str(cluster.get("server") or ""),
        ca_data=_text(cluster, "certificate-authority", place),
        token=token,
    )


def _named(config: Mapping[str, Any], many: str, one: str, name: str, path: str) -> dict[str, Any]:
    for item in config.get(many) or ():
        if isinstance(item, dict) and item.get("name") == name:
            return dict(item.get(one) or {})
    known = ", ".join(str(item.get("name")) for item in config.get(many) or ())
    raise Invalid(f"{path} has no {one} {excerpt(name)!r}; it has {excerpt(known) or 'none'}")


def _token(user: Mapping[str, Any], context: str, place: Path) -> str:
    if user.get("token"):
        return str(user["token"])
    if user.get("tokenFile"):
        return _file(place, str(user["tokenFile"])).strip()
    other = [key for key in user if key in {"exec", "auth-provider"} or key.startswith("client-")]
    how = other[0] if other else "nothing"
    raise Invalid(f"context {context} authenticates by {how}, which works here only; {_WAY_OUT}")


def _text(cluster: Mapping[str, Any], key: str, place: Path) -> str:
    """The text under `key-data` (base64), or in the file that `key` names."""
    data = cluster.get(f"{key}-data")
    if data:
        try:
            return base64.b64decode(str(data), validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise Invalid(f"{key}-data is not base64") from error
    return _file(place, str(cluster[key])) if cluster.get(key) else ""


def _file(place: Path, name: str) -> str:
    """A file named in a kubeconfig stands relative to it."""
    try:
        return (place.parent / name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise Invalid(f"{name} cannot be read: {excerpt(str(error))}") from error
