"""
Merge patches (RFC 7396) and JSON patches (RFC 6902); `strategic` has the third kind.

All give a new object and leave the old one alone.
"""

from collections.abc import Mapping
from typing import Any

import jsonpatch
import jsonpointer

from localcloud.kube.errors import ApiError, bad_request
from localcloud.kube.fields import clone

_LIMIT = 10_000  # operations in one JSON patch, as the real server has it


def merge_patch(target: Any, patch: Any) -> Any:
    """Give *target* with *patch* merged in; null removes, everything but maps replaces."""
    if not isinstance(patch, Mapping):
        return clone(patch)
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def json_patch(target: Mapping[str, Any], operations: Any) -> Any:
    """
    Give *target* with *operations* carried out in turn.

    Raises:
        ApiError: 400 for what is no JSON patch; 413 for too many operations; 422 when a test
            fails or a path does not exist.
    """
    if not isinstance(operations, list):
        raise bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    if len(operations) > _LIMIT:
        message = f"The allowed maximum operations in a JSON patch is {_LIMIT}"
        raise ApiError(413, message)
    try:
        return jsonpatch.apply_patch(clone(target), operations)
    except jsonpatch.InvalidJsonPatch as error:
        raise bad_request(str(error)) from error
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        message = f"the server rejected our request due to an error in our request: {error}"
        raise ApiError(422, message, details={}) from error
