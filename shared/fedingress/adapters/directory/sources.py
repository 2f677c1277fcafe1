"""
`Sources` from a directory of YAML: the config cluster of a laptop, a test or a small install.

Called by the embedded home and the command line, also at the same time from several processes.
Users write files; what an API server would keep stands in `<directory>/.fedingress/`.

Two rules decide what a change of files means. A document that vanished is a deletion, believed
once two looks a moment apart agree, for editors and checkouts replace files. A file that cannot be
read, or an object that stands twice, is no deletion: what is known stays, with the fault on it.
"""

import base64
import binascii
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fedingress.adapters import x509
from fedingress.adapters.directory.files import STATE, Lock
from fedingress.adapters.directory.journal import Events, RecordedEvent, Tombstones
from fedingress.adapters.directory.kept import Kept
from fedingress.adapters.directory.sync import Synced, rfc3339
from fedingress.adapters.directory.tree import ObjectKey
from fedingress.domain import names
from fedingress.domain.certificate import KeyPair
from fedingress.domain.cluster import Inventory, MemberCluster
from fedingress.domain.errors import Conflict, Forbidden, Invalid, Unavailable
from fedingress.domain.ingress import Fault, IngressKey, Manifest, Source
from fedingress.domain.policy import FederationPolicy
from fedingress.domain.publisher import CONFIG_MAP_NAME, Publishers
from fedingress.domain.publisher import decode as decode_publishers
from fedingress.planning.decode import answer, class_name, ingress_class
from fedingress.planning.decode import member as decode_member
from fedingress.planning.decode import policy as decode_policy
from fedingress.planning.decode import source as decode_source
from fedingress.ports.clock import Clock
from fedingress.ports.sources import Notice, PolicyAnswer, StatusWrite, Tombstone

SETTLE_SECONDS: Final = 0.2


class DirectorySources:
    """
    The port `Sources` over the files below *path*.

    settle_seconds: how far the two looks are apart that make a vanished document a deletion.
    """

    def __init__(self, path: Path, clock: Clock, *, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._clock = clock
        self._lock = Lock(path / STATE / "lock")
        self._synced = Synced(path, clock, settle_seconds=settle_seconds)
        self._events = Events(path)
        self._tombstones = Tombstones(path)
        self._decoded: dict[ObjectKey, tuple[Kept, Source]] = {}

    def get(self, key: IngressKey) -> Source | None:
        """The Ingress, decoded as far as it goes; None when it does not exist."""
        with self._lock.held():
            kept = self._synced.look().get(ObjectKey("Ingress", key.namespace, key.name))
            return self._source(kept) if kept else None

    def list(self) -> Sequence[Source]:
        """Every Ingress of a federated class, or that carries a finalizer of ours."""
        with self._lock.held():
            self._synced.look()
            classes = [ingress_class(manifest) for manifest in self._of("IngressClass")]
            sources = [self._source(kept) for kept in self._synced.of("Ingress")]
        federated = {each.name for each in classes if each.federated}
        ours = set(names.FINALIZERS.values())
        return [
            source
            for source in sources
            if ours.intersection(source.finalizers)
            or class_name(source.manifest, classes) in federated
        ]

    def policy(self, source: Source) -> PolicyAnswer:
        """The class and policy that *source* is under."""
        with self._lock.held():
            self._synced.look()
            found = answer(source.manifest, self._of("IngressClass"), self._policies())
        return PolicyAnswer(federated=found.federated, policy=found.policy, faults=found.faults)

    def inventory(self) -> Inventory:
        """All members; one that stands in two namespaces is unreadable."""
        with self._lock.held():
            self._synced.look()
            profiles = self._synced.of("ClusterProfile")
            doubted = [str(fault) for kept in profiles for fault in self._synced.doubts(kept)]
        members: dict[str, MemberCluster] = {}
        faults, unreadable, seen = list(dict.fromkeys(doubted)), set(), set()
        for kept in profiles:
            decoded = decode_member(kept.merged(), where=kept.where)
            if kept.name in seen:
                faults.append(f"{kept.where}: a second member is named {kept.name}")
                unreadable.add(kept.name)
            elif isinstance(decoded, MemberCluster):
                members[kept.name] = decoded
            else:
                faults += [str(fault) for fault in decoded]
                unreadable.add(kept.name)
            seen.add(kept.name)
        return Inventory(
            members=tuple(members[name] for name in sorted(members.keys() - unreadable)),
            faults=tuple(faults),
            unreadable=tuple(sorted(unreadable)),
        )

    def publishers(self) -> Publishers:
        """The keys in the ConfigMap of that name; a second one is a fault, and the first counts."""
        with self._lock.held():
            self._synced.look()
            found = self._of("ConfigMap")
        read = decode_publishers(found[0].get("data") if found else None)
        if len(found) > 1:
            second = f"a second ConfigMap {CONFIG_MAP_NAME}, in another namespace, does not count"
            read = dataclasses.replace(read, faults=(*read.faults, second))
        return read

    def identity(self) -> str:
        """Empty: a directory is no cluster, so no member can be it."""
        return ""

    def refresh(self) -> None:
        """Forget what was read before: nothing is kept, each look sees the files."""

    def set_finalizers(
        self,
        source: Source,
        finalizers: Sequence[str],
        annotations: Mapping[str, str | None] | None = None,
    ) -> Source:
        """
        Replace the finalizers, and set these annotations in the same write.

        Raises:
            Conflict: The object changed, or is gone.
            Invalid: A finalizer is added to an object that is being deleted.
        """
        with self._lock.held():
            kept = self._current(source)
            if str(kept.version) != source.resource_version:
                raise Conflict(f"Ingress {source.key} changed since it was read")
            if kept.deleted and not set(finalizers) <= set(kept.finalizers):
                raise Invalid(f"Ingress {source.key} is being deleted: no finalizer may be added")
            written = self._write(
                kept,
                finalizers=tuple(finalizers),
                annotations={
                    name: text
                    for name, text in {**kept.annotations, **(annotations or {})}.items()
                    if text is not None
                },
            )
            if written.deleted and not written.finalizers:
                self._synced.remove(written)
                self._events.drop(written.uid)
            return self._source(written)

    def write_status(self, source: Source, write: StatusWrite) -> None:
        """
        Write what differs.

        Raises:
            Conflict: The object is gone.
        """
        with self._lock.held():
            kept = self._current(source)
            annotations = {**kept.annotations, **write.annotations}
            self._write(
                kept,
                addresses=tuple(write.addresses),
                annotations={key: text for key, text in annotations.items() if text is not None},
            )

    def notify(self, source: Source, notice: Notice) -> None:
        """Record an event once; of one source, the last 100 are kept."""
        with self._lock.held():
            self._events.add(source.uid, notice, rfc3339(self._clock.now()))

    def events(self, source: Source) -> Sequence[RecordedEvent]:
        """The events of *source*, oldest first."""
        with self._lock.held():
            return self._events.of(source.uid)

    def tombstones(self) -> Sequence[Tombstone]:
        """All tombstones, by uid and cluster."""
        with self._lock.held():
            return self._tombstones.all()

    def put_tombstone(self, tombstone: Tombstone) -> None:
        """Keep it; one per source uid and cluster."""
        with self._lock.held():
            self._tombstones.put(tombstone)

    def drop_tombstone(self, tombstone: Tombstone) -> None:
        """Forget it; an absent one is no error."""
        with self._lock.held():
            self._tombstones.drop(tombstone)

    def faults(self) -> Sequence[Fault]:
        """Everything wrong in the directory: files, and objects that concern us; sorted."""
        with self._lock.held():
            self._synced.look()
            found = set(self._synced.faults)
            for kept in self._synced.of("IngressClass"):
                found.update(ingress_class(kept.merged(), where=kept.where).faults)
            for kept in self._synced.of("FederationPolicy"):
                decoded = decode_policy(kept.merged(), where=kept.where)
                found.update(() if isinstance(decoded, FederationPolicy) else decoded)
            for kept in self._synced.of("ClusterProfile"):
                profile = decode_member(kept.merged(), where=kept.where)
                found.update(() if isinstance(profile, MemberCluster) else profile)
            for source in self.list():
                found.update(source.faults)
        return tuple(sorted(found))

    def token(self, secret: str) -> str:
        """
        The `token` of a Secret, named as `namespace/name`, for `fedingress-token` members.

        Raises:
            Forbidden: There is no such Secret, or it has no token.
            Unavailable: The file that may hold it cannot be read.
        """
        namespace, _, name = secret.partition("/")
        token = _token(self._secret(namespace, name) or {})
        if not token:
            raise Forbidden(f"Secret {secret} with the key `token` is missing")
        return token

    def key_pair(self, namespace: str, secret: str) -> KeyPair | None:
        """
        The certificate and key of a Secret.

        Raises:
            Invalid: It holds no usable pair.
            Unavailable: The file that may hold it cannot be read.
        """
        found = self._secret(namespace, secret)
        return x509.from_secret(f"Secret {namespace}/{secret}", found) if found else None

    def _secret(self, namespace: str, name: str) -> Manifest | None:
        with self._lock.held():
            self._synced.look()
            found = self._synced.secret(ObjectKey("Secret", namespace, name))
            if found is None and self._synced.faults:
                first = self._synced.faults[0]
                raise Unavailable(
                    f"Secret {namespace}/{name} is not found, and not all is readable: {first}"
                )
        return found

    def _source(self, kept: Kept) -> Source:
        """The source as decoded; done once for each state of it."""
        known = self._decoded.get(kept.key)
        if known is None or known[0] is not kept:
            decoded = decode_source(kept.merged(), where=kept.where)
            known = self._decoded[kept.key] = (kept, decoded)
        doubts = () if kept.deleted else self._synced.doubts(kept)
        source = known[1]
        return dataclasses.replace(source, faults=source.faults + doubts) if doubts else source

    def _of(self, kind: str) -> Sequence[Manifest]:
        return [kept.merged() for kept in self._synced.of(kind)]

    def _policies(self) -> Mapping[str, Manifest]:
        return {kept.name: kept.merged() for kept in self._synced.of("FederationPolicy")}

    def _current(self, source: Source) -> Kept:
        key = ObjectKey("Ingress", source.key.namespace, source.key.name)
        kept = self._synced.look().get(key)
        if kept is None or kept.uid != source.uid:
            raise Conflict(f"Ingress {source.key} with uid {source.uid} is gone")
        return kept

    def _write(self, kept: Kept, **changes: Any) -> Kept:
        changed = dataclasses.replace(kept, **changes)
        if changed == kept:
            return kept
        changed = dataclasses.replace(changed, version=kept.version + 1)
        self._synced.put(changed)
        return changed


def _token(secret: Manifest) -> str:
    """From `stringData`, as written, or from `data`, base64."""
    plain = (secret.get("stringData") or {}).get("token")
    if isinstance(plain, str):
        return plain.strip()
    encoded = (secret.get("data") or {}).get("token")
    if not isinstance(encoded, str):
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode("ascii").strip()
    except (binascii.Error, ValueError):
        return ""
