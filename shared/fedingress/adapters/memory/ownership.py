"""
Which manager owns which field: server-side apply, as coarse as our tests need it.

Called by `adapters.memory.objects`. A field is one label, one annotation, or one key below `data`,
`spec`, `status` or the object itself; what stands deeper belongs to that field as a whole. (A real
server merges some lists, such as Service ports, by key.)

Source: Kubernetes documentation, Server-Side Apply.
"""

from collections.abc import Mapping
from typing import Any

from fedingress.domain.errors import Conflict
from fedingress.planning.json_values import copied

JsonObject = dict[str, Any]
FieldPath = tuple[str, ...]
Owners = dict[tuple[str, str], frozenset[FieldPath]]
"""(manager, subresource) -> the fields it applied last."""

_SPLIT = frozenset({"data", "spec", "status"})
_IDENTITY = frozenset({"apiVersion", "kind", "metadata"})


def fields_of(manifest: JsonObject, subresource: str) -> dict[FieldPath, Any]:
    """The fields that applying *manifest* claims, with their values."""
    found: dict[FieldPath, Any] = {}
    if subresource == "status":
        found.update({("status", key): value for key, value in _part(manifest, "status").items()})
        return found
    for group in ("labels", "annotations"):
        for key, value in _part(manifest["metadata"], group).items():
            found["metadata", group, key] = value
    for key, value in manifest.items():
        if key in _IDENTITY or key == "status":
            continue
        if key in _SPLIT:
            found.update({(key, inner): deep for inner, deep in (value or {}).items()})
        else:
            found[key,] = value
    return found


def merge(
    stored: JsonObject, owners: Owners, claimed: dict[FieldPath, Any], claimant: tuple[str, str]
) -> tuple[JsonObject, list[str]]:
    """
    *stored* as it becomes when *claimant* applies *claimed*, and the conflicts.

    A conflict is a field whose value would change and that another manager owns; the result
    stands for the case that it is forced. Fields that the claimant applied before and leaves out
    now are removed unless someone else owns them too.
    """
    merged = copied(stored)
    conflicts = []
    others = {path: who for who, paths in owners.items() if who != claimant for path in paths}
    for path, value in claimed.items():
        if path in others and _read(stored, path) != value:
            conflicts.append(f'conflict with "{others[path][0]}": .{".".join(path)}')
        _write(merged, path, copied(value))
    for path in owners.get(claimant, frozenset()) - claimed.keys():
        if path not in others:
            _remove(merged, path)
    return merged, conflicts


def claim(
    owners: Owners,
    stored: JsonObject,
    claimed: dict[FieldPath, Any],
    claimant: tuple[str, str],
) -> None:
    """Make *claimant* own *claimed*; others lose the fields whose value it changes in *stored*."""
    taken = {path for path, value in claimed.items() if _read(stored, path) != value}
    for who in list(owners):
        if who != claimant:
            owners[who] = owners[who] - taken
    owners[claimant] = frozenset(claimed)


def annotate(
    manifest: JsonObject,
    owners: Owners,
    annotations: Mapping[str, str | None],
    claimant: tuple[str, str],
) -> None:
    """Merge *annotations* into *manifest*, all owned by *claimant* then; None removes one."""
    touched = {("metadata", "annotations", key) for key in annotations}
    for who in owners:
        owners[who] = owners[who] - touched
    for path in touched:
        _remove(manifest, path)
    kept = {key: value for key, value in annotations.items() if value is not None}
    if kept:
        manifest["metadata"].setdefault("annotations", {}).update(kept)
    claims = frozenset(("metadata", "annotations", key) for key in kept)
    owners[claimant] = owners.get(claimant, frozenset()) | claims


def refuse(conflicts: list[str]) -> None:
    """
    Raise when there are conflicts.

    Raises:
        Conflict: With the API server's sentence.
    """
    if conflicts:
        count = f"{len(conflicts)} conflict{'s' if len(conflicts) > 1 else ''}"
        raise Conflict(f"Apply failed with {count}: {'; '.join(conflicts)}")


def _part(of: JsonObject, key: str) -> JsonObject:
    found = of.get(key)
    return found if isinstance(found, dict) else {}


def _read(manifest: JsonObject, path: FieldPath) -> Any:
    value: Any = manifest
    for word in path:
        value = value.get(word) if isinstance(value, dict) else None
    return value


def _write(manifest: JsonObject, path: FieldPath, value: Any) -> None:
    for word in path[:-1]:
        if not isinstance(manifest.get(word), dict):
            manifest[word] = {}
        manifest = manifest[word]
    manifest[path[-1]] = value


def _remove(manifest: JsonObject, path: FieldPath) -> None:
    for word in path[:-1]:
        manifest = manifest.get(word) or {}
    manifest.pop(path[-1], None)
