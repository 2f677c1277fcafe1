"""
Strategic merge patches: what client-side ``kubectl apply`` sends for built-in kinds.

Lists with a patch merge key are merged item by item, others replaced. Directives: ``$patch:
delete | replace | merge``, ``$deleteFromPrimitiveList/FIELD``, ``$setElementOrder/FIELD`` and
``$retainKeys``.

Source: kubernetes/community, "Strategic Merge Patch"; Kubernetes reference of ``x-kubernetes-patch-
strategy``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.kube.errors import bad_request
from localcloud.kube.fields import clone
from localcloud.kube.shapes import Shape

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"

SCALAR_KEY = "-"  # patch key of lists of plain values


def strategic_patch(shape: Shape, target: Any, patch: Any) -> Any:
    """
    Give *target* with *patch* merged in by the rules of its type.

    Raises:
        ApiError: 400, a directive or merge key is missing or unknown.
    """
    if not isinstance(patch, Mapping):
        return clone(patch)
    directive = patch.get(_DIRECTIVE)
    if directive == "delete":
        return {}
    if directive == "replace":
        return {key: clone(value) for key, value in patch.items() if key != _DIRECTIVE}
    if directive not in (None, "merge"):
        raise bad_request(f"Unknown patch type: {directive}")
    result = dict(target) if isinstance(target, Mapping) else {}
    if _RETAIN in patch:
        result = {key: value for key, value in result.items() if key in patch[_RETAIN]}
    _merge_fields(shape, result, patch)
    return result


def _merge_fields(shape: Shape, result: dict[str, Any], patch: Mapping[str, Any]) -> None:
    for key, value in patch.items():
        if key.startswith(_DELETE):
            name = key.removeprefix(_DELETE)
            result[name] = [item for item in result.get(name) or () if item not in value]
        elif not key.startswith("$"):
            _merge_field(shape.child(key), result, key, value)
    for key, order in patch.items():
        if key.startswith(_ORDER):
            _reorder(shape, result, key.removeprefix(_ORDER), order)


def _merge_field(shape: Shape, result: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        result.pop(name, None)
    elif isinstance(value, list) and shape.patch_key and shape.item is not None:
        result[name] = _merge_list(shape, result.get(name) or [], value)
    elif isinstance(value, list):
        result[name] = clone(value)
    else:
        result[name] = strategic_patch(shape, result.get(name), value)


def _merge_list(shape: Shape, live: Sequence[Any], patch: Sequence[Any]) -> list[Any]:
    if shape.patch_key == SCALAR_KEY:
        return [*live, *(item for item in patch if item not in live)]
    if any(isinstance(item, Mapping) and item.get(_DIRECTIVE) == "replace" for item in patch):
        return [clone(item) for item in patch if _DIRECTIVE not in item]
    item_shape = shape.item
    assert item_shape is not None
    result = list(live)
    for item in patch:
        key = _key(shape, item)
        same = [i for i, known in enumerate(result) if known.get(shape.patch_key) == key]
        if item.get(_DIRECTIVE) == "delete":
            result = [known for known in result if known.get(shape.patch_key) != key]
        elif same:
            result[same[0]] = strategic_patch(item_shape, result[same[0]], item)
        else:
            result.append(strategic_patch(item_shape, {}, item))
    return result


def _key(shape: Shape, item: Any) -> Any:
    if not isinstance(item, Mapping) or item.get(shape.patch_key) is None:
        raise bad_request(f"map: {item} does not contain declared merge key: {shape.patch_key}")
    return item[shape.patch_key]


def _reorder(shape: Shape, result: dict[str, Any], name: str, order: Sequence[Any]) -> None:
    """Sort the list as the patch wants; items that it does not name keep their place after it."""
    items = result.get(name)
    key = shape.child(name).patch_key
    if not isinstance(items, list) or not key:
        return
    wanted = [entry if key == SCALAR_KEY else entry.get(key) for entry in order]

    def rank(item: Any) -> int:
        value = item if key == SCALAR_KEY else item.get(key)
        return wanted.index(value) if value in wanted else len(wanted)

    result[name] = sorted(items, key=rank)
