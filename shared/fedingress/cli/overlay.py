"""Sources as they would be if some manifests were applied; nothing is written anywhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fedingress.cli.apply import read_manifests
from fedingress.domain.certificate import KeyPair
from fedingress.domain.cluster import Inventory
from fedingress.domain.errors import Invalid, Unsupported
from fedingress.domain.ingress import IngressKey, Manifest, Source
from fedingress.domain.publisher import Publishers
from fedingress.planning.decode import answer
from fedingress.planning.decode import source as decode_source
from fedingress.ports.sources import Notice, PolicyAnswer, Sources, StatusWrite, Tombstone

NEW = "(new)"
"""The uid of an Ingress that does not exist yet."""


class Overlay:
    """The port `Sources`, read only: some Ingresses, classes and policies laid over *base*."""

    def __init__(self, documents: Sequence[Manifest], base: Sources) -> None:
        self._base = base
        of_kind: dict[str, list[Manifest]] = {}
        for document in documents:
            of_kind.setdefault(str(document.get("kind")), []).append(document)
        self._classes = of_kind.get("IngressClass", [])
        self._policies = {
            str(document["metadata"]["name"]): document
            for document in of_kind.get("FederationPolicy", [])
        }
        self._ingresses = {_key(document): document for document in of_kind.get("Ingress", [])}

    @property
    def keys(self) -> Sequence[IngressKey]:
        """The Ingresses laid over."""
        return sorted(self._ingresses)

    def get(self, key: IngressKey) -> Source | None:
        """The Ingress as it would be."""
        before = self._base.get(key)
        document = self._ingresses.get(key)
        return before if document is None else decode_source(_merged(document, before, key))

    def list(self) -> Sequence[Source]:
        """Every Ingress as it would be."""
        kept = [source for source in self._base.list() if source.key not in self._ingresses]
        laid = [source for key in self.keys if (source := self.get(key)) is not None]
        return [*kept, *laid]

    def policy(self, source: Source) -> PolicyAnswer:
        """By the classes and policies laid over, else by those that are there."""
        if self._classes:
            found = answer(source.manifest, self._classes, self._policies)
            if found.federated:
                return PolicyAnswer(federated=True, policy=found.policy, faults=tuple(found.faults))
        return self._base.policy(source)

    def inventory(self) -> Inventory:
        """As it is."""
        return self._base.inventory()

    def publishers(self) -> Publishers:
        """As they are."""
        return self._base.publishers()

    def identity(self) -> str:
        """As it is."""
        return self._base.identity()

    def key_pair(self, namespace: str, secret: str) -> KeyPair | None:
        """As it is: a plan reads no private key from a file."""
        return self._base.key_pair(namespace, secret)

    def tombstones(self) -> Sequence[Tombstone]:
        """As they are."""
        return self._base.tombstones()

    def set_finalizers(
        self,
        source: Source,
        finalizers: Sequence[str],
        annotations: Mapping[str, str | None] | None = None,
    ) -> Source:
        """Refused: an overlay only looks."""
        raise Unsupported(f"{source.key}: a plan of files writes nothing")

    def write_status(self, source: Source, write: StatusWrite) -> None:
        """Refused: an overlay only looks."""
        raise Unsupported(f"{source.key}: a plan of files writes nothing")

    def notify(self, source: Source, notice: Notice) -> None:
        """Refused: an overlay only looks."""
        raise Unsupported(f"{source.key}: a plan of files writes nothing")

    def put_tombstone(self, tombstone: Tombstone) -> None:
        """Refused: an overlay only looks."""
        raise Unsupported(f"{tombstone.key}: a plan of files writes nothing")

    def drop_tombstone(self, tombstone: Tombstone) -> None:
        """Refused: an overlay only looks."""
        raise Unsupported(f"{tombstone.key}: a plan of files writes nothing")


def overlay(path: Path, base: Sources) -> Overlay:
    """
    The manifests at *path* laid over *base*.

    Raises:
        Invalid: A file does not parse; every fault is told.
    """
    documents, faults = read_manifests(path)
    if faults:
        raise Invalid(str(fault) for fault in faults)
    return Overlay(documents, base)


def _key(document: Manifest) -> IngressKey:
    meta = document["metadata"]
    return IngressKey(namespace=str(meta.get("namespace") or "default"), name=str(meta["name"]))


def _merged(document: Manifest, before: Source | None, key: IngressKey) -> dict[str, Any]:
    """The document with what only a server knows."""
    meta = {**document["metadata"], "namespace": key.namespace}
    if before is None:
        meta |= {"uid": NEW, "generation": 1, "creationTimestamp": "9999-01-01T00:00:00Z"}
        return {**document, "metadata": meta}
    kept = before.manifest["metadata"]
    for name in ("uid", "generation", "creationTimestamp", "resourceVersion", "finalizers"):
        if name in kept:
            meta[name] = kept[name]
    ours = {k: v for k, v in before.annotations.items() if k.startswith("fedingress.dev/")}
    meta["annotations"] = {**ours, **(meta.get("annotations") or {})}
    return {**document, "metadata": meta, "status": before.manifest.get("status") or {}}
