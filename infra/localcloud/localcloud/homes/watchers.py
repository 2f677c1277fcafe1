"""
A watcher beside each cluster, and its key: what a platform team installs with `cluster key`.

The private keys stand in the world's folder; the public ones in the registry of the config cluster,
as the product documents it.
"""

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from localcloud.homes import Process

REGISTRY = "fedingress-publishers"
_CONFIG = "config"
Put = Callable[[dict[str, Any]], object]


def watchers(
    members: Sequence[str], *, bus: str, kubeconfig: Path, folder: Path
) -> Mapping[str, Process]:
    """
    A process for the config cluster, and one for each member.

    Args:
        members: Their names.
        bus: Where they publish, as the setting has it.
        kubeconfig: With a context for each cluster, and `config`.
        folder: Where their keys are and their checkpoints go.
    """
    found = {}
    for name in (_CONFIG, *members):
        found[f"watcher-{name}"] = Process(
            command=("fedingress-watcher",),
            environment={
                "FEDINGRESS_WATCH": "config" if name == _CONFIG else "member",
                "FEDINGRESS_CLUSTER": name,
                "FEDINGRESS_BUS": bus,
                "FEDINGRESS_KUBECONFIG": str(kubeconfig),
                "FEDINGRESS_CONTEXT": name,
                "FEDINGRESS_SIGNING_KEY": str(_key_file(folder, name)),
                "FEDINGRESS_CHECKPOINT": str(folder / f"{name}.checkpoint"),
                "FEDINGRESS_DEBOUNCE_SECONDS": "0.2",
            },
        )
    return found


def make_keys(members: Sequence[str], folder: Path, namespace: str, put: Put) -> None:
    """Write a private key for each cluster's watcher into *folder*, and register the public one."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {}
    for name in (_CONFIG, *members):
        key = Ed25519PrivateKey.generate()
        raw = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        data[name] = f"ed25519 {raw}\n"
        _write(_key_file(folder, name), key)
        (folder / f"{name}.checkpoint").unlink(missing_ok=True)  # of a world that is gone
    put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": namespace, "name": REGISTRY},
            "data": data,
        }
    )


def _key_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.pem"


def _write(path: Path, key: Ed25519PrivateKey) -> None:
    """For its owner's eyes only."""
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
