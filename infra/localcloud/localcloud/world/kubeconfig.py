"""
Kubeconfig files, as ``kubectl`` and every client library read them.

Source: Kubernetes reference, "kubeconfig (v1)".
"""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One cluster and the user that talks to it; all carry the same *name*."""

    name: str
    server: str
    ca: bytes = field(repr=False)
    token: str = field(repr=False)


def write(path: Path, contexts: Sequence[Context]) -> None:
    """Write *contexts* to *path*, for its owner's eyes only; the first is the current one."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": contexts[0].name,
        "clusters": [
            {
                "name": context.name,
                "cluster": {
                    "server": context.server,
                    "certificate-authority-data": base64.b64encode(context.ca).decode(),
                },
            }
            for context in contexts
        ],
        "users": [{"name": c.name, "user": {"token": c.token}} for c in contexts],
        "contexts": [
            {"name": c.name, "context": {"cluster": c.name, "user": c.name}} for c in contexts
        ],
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yaml.safe_dump(document, file, sort_keys=False)
