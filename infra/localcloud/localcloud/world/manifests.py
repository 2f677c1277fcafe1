"""
The CRDs and admission rules that a world's clusters are born with.

They are the product's own, from ``infra/kubernetes``: the lab shows that they work as they stand.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from localcloud.kube.cluster import KubeCluster

MANAGER = "localcloud"

# <repository>/infra/localcloud/localcloud/world/manifests.py
_REPOSITORY_FOLDER = Path(__file__).resolve().parents[3] / "kubernetes"


class ManifestsMissingError(RuntimeError):
    """There is no folder with CRDs; the text says where it was looked for."""


def folder(asked: Path | None) -> Path:
    """
    Give the folder that holds ``crds`` and ``admission``.

    Args:
        asked: By the user; None takes the one of the repository this package stands in.

    Raises:
        ManifestsMissingError: It has no folder ``crds``.
    """
    found = _REPOSITORY_FOLDER if asked is None else asked
    if not (found / "crds").is_dir():
        raise ManifestsMissingError(
            f"no CRDs in {found / 'crds'}; name the folder with --manifests"
        )
    return found


def documents(place: Path) -> Iterator[dict[str, Any]]:
    """Give every document of ``crds``, then of ``admission``, files in alphabetical order."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for part in ("crds", "admission"):
        for path in sorted((place / part).glob("*.yaml")):
            with path.open(encoding="utf-8") as file:
                yield from filter(None, yaml.load_all(file, Loader=loader))


def apply(cluster: KubeCluster, place: Path) -> None:
    """Put every document into *cluster*."""
    for document in documents(place):
        cluster.put(document, manager=MANAGER)
