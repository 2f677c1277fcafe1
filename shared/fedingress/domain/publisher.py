"""
Who may say that something changed in a cluster: its name in an event's source, and its public keys.

Each cluster's watcher signs with a key of its own. The public halves stand in one ConfigMap of the
inventory namespace, by the cluster's name; a rotation holds two for a while. Read by the sources,
written by `fedingress cluster key`, asked by the doors.

Source: RFC 8032 (Ed25519: public keys of 32 bytes).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fedingress.domain.errors import Invalid

CONFIG_MAP_NAME: Final = "fedingress-publishers"
MOST_KEYS: Final = 4
"""Keys of one cluster; a rotation needs two."""
_KIND: Final = "ed25519"
_BYTES: Final = 32
_NAME: Final = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_SOURCE: Final = re.compile(
    rf"//fedingress\.dev/(?P<owner>[A-Za-z0-9][-A-Za-z0-9]{{0,39}})/cluster/(?P<cluster>{_NAME})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """An Ed25519 public key: *raw* has 32 bytes."""

    raw: bytes

    @property
    def id(self) -> str:
        """What an event names it by: 16 hexadecimal digits of its digest."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def text(self) -> str:
        """As it stands in the registry, a key a line."""
        return f"{_KIND} {base64.b64encode(self.raw).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishers:
    """keys: of each cluster, by name.   faults: what of the registry cannot be used, and why."""

    keys: Mapping[str, tuple[PublicKey, ...]] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    def key(self, cluster: str, keyid: str) -> PublicKey | None:
        """The key of *cluster* that has this id."""
        return next((key for key in self.keys.get(cluster, ()) if key.id == keyid), None)


def source_of(owner: str, cluster: str) -> str:
    """The source of the events that *cluster* publishes for the installation *owner*."""
    return f"//fedingress.dev/{owner}/cluster/{cluster}"


def named_by(source: str) -> tuple[str, str] | None:
    """The owner and cluster that *source* names; None when it is no cluster's."""
    found = _SOURCE.fullmatch(source)
    return (found["owner"], found["cluster"]) if found else None


def is_cluster_name(name: str) -> bool:
    """Whether *name* may stand in a source and in the registry."""
    return bool(re.fullmatch(_NAME, name))


def public_key(text: str) -> PublicKey:
    """
    The key in one line of the registry.

    Raises:
        Invalid: It is none.
    """
    kind, _, encoded = text.strip().partition(" ")
    try:
        raw = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("the key is not base64") from error
    if kind != _KIND or len(raw) != _BYTES:
        raise Invalid(f"the key is not `{_KIND} BASE64` of {_BYTES} bytes")
    return PublicKey(raw=raw)


def decode(data: Any) -> Publishers:
    """
    The registry in the data of its ConfigMap: a cluster's name, then its keys, one a line.

    What is wrong with one line or cluster takes nothing from the others.
    """
    if not isinstance(data, Mapping):
        return Publishers(faults=() if data is None else (f"{CONFIG_MAP_NAME}: data is no object",))
    keys: dict[str, tuple[PublicKey, ...]] = {}
    faults: list[str] = []
    for name, text in sorted(data.items(), key=lambda item: str(item[0])):
        if not isinstance(name, str) or not is_cluster_name(name):
            faults.append(f"{CONFIG_MAP_NAME}: {str(name)[:64]!r} is not the name of a cluster")
            continue
        found: list[PublicKey] = []
        for line in filter(str.strip, text.splitlines() if isinstance(text, str) else ["?"]):
            try:
                found.append(public_key(line))
            except Invalid as error:
                faults.append(f"{CONFIG_MAP_NAME}: {name}: {error}")
        if len(found) > MOST_KEYS:
            faults.append(f"{CONFIG_MAP_NAME}: {name} has more than {MOST_KEYS} keys")
        keys[name] = tuple(found[:MOST_KEYS])
    return Publishers(keys=keys, faults=tuple(faults))


def encode(keys: tuple[PublicKey, ...]) -> str:
    """The keys of one cluster as they stand in the registry."""
    return "".join(f"{key.text}\n" for key in keys)
