"""A federation of many Ingresses over memory twins, converged, with a store on disk that counts."""

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from fedingress.adapters.directory import DirectorySources
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.domain.work import Concern, Work
from fedingress.ports.store import Body, Document, Key, Store
from tests.functions.world import (
    MEMBERS,
    World,
    class_manifest,
    ingress_manifest,
    policy_manifest,
    service_manifest,
)

_IN_ONE_NAMESPACE = 10
_STEPS_EACH = 60


class Silence:
    """A bus that takes everything, counts it and delivers nothing."""

    def __init__(self) -> None:
        self.count = 0

    def publish(self, works: Iterable[Work]) -> None:
        """Count."""
        self.count += len(list(works))


class CountedStore:
    """A store that counts its calls by `read` and `write`."""

    def __init__(self, store: Store) -> None:
        self.calls: Counter[str] = Counter()
        self._store = store

    def get(self, key: Key) -> Document | None:
        """Count and get."""
        self.calls["read"] += 1
        return self._store.get(key)

    def put(
        self, key: Key, body: Body, *, expected: str | None, due_at: float | None = None
    ) -> Document:
        """Count and put."""
        self.calls["write"] += 1
        return self._store.put(key, body, expected=expected, due_at=due_at)

    def delete(self, key: Key, *, expected: str | None = None) -> None:
        """Count and delete."""
        self.calls["write"] += 1
        self._store.delete(key, expected=expected)

    def list(self, family: str, prefix: str = "") -> Any:
        """Count and list."""
        self.calls["read"] += 1
        return self._store.list(family, prefix)

    def due(self, family: str, *, before: float, limit: int) -> Any:
        """Count and ask."""
        self.calls["read"] += 1
        return self._store.due(family, before=before, limit=limit)


class Many(World):
    """A world of *count* Ingresses with two Services each, ten in a namespace."""

    def __init__(self, count: int, folder: Path, *, directory: bool) -> None:
        self.count, self._folder, self._directory = count, folder, directory
        super().__init__()
        self._disk = SqliteStore(folder / "state.db")
        self.store: Any = CountedStore(self._disk)
        self._wire()
        self.tick()  # every source (none yet) was seen: no run looks at all the others any more
        if directory:
            sources = DirectorySources(folder / "sources", self.clock)
            self.ports = replace(self.ports, sources=sources)
        self._populate()
        self._submit()
        self._converge()

    @property
    def keys(self) -> list[str]:
        """Every Ingress."""
        return [f"{_space(n)}/shop-{n}" for n in range(self.count)]

    def once(self, concern: Concern, unit: str, cause: str = "changed") -> None:
        """One event, delivered."""
        self.deliver(Work(concern=concern, unit=unit, cause=cause), f"bench-{next(self.bus.count)}")

    def close(self) -> None:
        """Close the store."""
        self._disk.close()

    def _populate(self) -> None:
        for each in MEMBERS:
            cluster = self.members[each.name]
            cluster.paused = True  # its controllers look once, not at each of so many objects
            for space in {_space(n) for n in range(self.count)}:
                cluster.add_namespace(space)
                for name in ("web", "api"):
                    manifest = service_manifest(name)
                    manifest["metadata"]["namespace"] = space
                    cluster.put(manifest)
                    cluster.run_pods(space, {"app": name})

    def _submit(self) -> None:
        wanted = [class_manifest(), policy_manifest()]
        for n in range(self.count):
            manifest = ingress_manifest(f"shop-{n}", host=f"shop-{n}.example.com")
            manifest["metadata"]["namespace"] = _space(n)
            wanted.append(manifest)
        if self._directory:
            wanted += [_profile(each) for each in MEMBERS]
        for n, manifest in enumerate(wanted):
            if self._directory:
                file = self._folder / "sources" / f"{n}.yaml"
                file.parent.mkdir(exist_ok=True)
                file.write_text(yaml.safe_dump(manifest), encoding="utf-8")
            else:
                self.sources.put(manifest)

    def _converge(self) -> None:
        for key in self.keys:
            self.once("fanout", key)
        for each in MEMBERS:
            self.members[each.name].play()
        self.rest()

    def rest(self) -> None:
        """
        Deliver until nothing waits.

        Raises:
            RuntimeError: That never happens.
        """
        for _ in range(_STEPS_EACH * self.count):
            if not self.step():
                return
        raise RuntimeError("the world never came to rest")


def _space(number: int) -> str:
    return f"team-{number // _IN_ONE_NAMESPACE}"


def _profile(member: Any) -> dict[str, Any]:
    properties = {
        "provider": member.provider,
        "region": member.region,
        "zones": ",".join(member.zones),
        "project": member.project,
        "network": member.network,
        "uid": member.uid,
    }
    listed = [
        {"name": f"fedingress.dev/{name}", "value": value}
        for name, value in properties.items()
        if value
    ]
    access = {"name": "fedingress-token", "cluster": {"server": "https://127.0.0.1:9"}}
    return {
        "apiVersion": "multicluster.x-k8s.io/v1alpha1",
        "kind": "ClusterProfile",
        "metadata": {"name": member.name, "namespace": "inventory", "labels": dict(member.labels)},
        "spec": {"clusterManager": {"name": "fedingress"}},
        "status": {"accessProviders": [access], "properties": listed},
    }


@contextlib.contextmanager
def many(count: int, *, directory: bool = False) -> Iterator[Many]:
    """A converged world of *count* Ingresses; their sources in memory or in a directory."""
    with tempfile.TemporaryDirectory() as folder:
        world = Many(count, Path(folder), directory=directory)
        try:
            yield world
        finally:
            world.close()
