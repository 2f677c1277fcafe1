"""
Lists: selectors, pages, and how old a list may be.

A page after the first shows the objects as they are when it is asked for, under the first page's
resourceVersion: who watches from there sees again what changed in between, and converges.

Source: Kubernetes API concepts, "Retrieving large results sets in chunks", "Resource versions".
"""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass

from localcloud.kube.cluster import KubeCluster
from localcloud.kube.errors import ApiError, bad_request, expired
from localcloud.kube.requests import Asked
from localcloud.kube.selectors import Requirement, Selector, parse
from localcloud.kube.store import Entry, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the objects, and what the list's metadata says about the rest."""

    entries: tuple[Entry, ...]
    version: str
    next_token: str = ""
    remaining: int = 0

    def metadata(self) -> dict[str, object]:
        """Give the list's metadata."""
        metadata: dict[str, object] = {"resourceVersion": self.version}
        if self.next_token:
            metadata["continue"] = self.next_token
            metadata["remainingItemCount"] = self.remaining
        return metadata


def selector_of(asked: Asked) -> Selector:
    """Give the selector of a list, watch or delete; a name in the path selects too."""
    query = asked.query
    selector = parse(asked.resource, query.get("labelSelector", ""), query.get("fieldSelector", ""))
    if not asked.name:
        return selector
    named = Requirement(key="metadata.name", values=frozenset({asked.name}))
    return Selector(labels=selector.labels, fields=(*selector.fields, named))


def page(cluster: KubeCluster, asked: Asked) -> Page:
    """
    Give the page that a request asks for.

    Raises:
        ApiError: 400 for a parameter that cannot be read, 410 for a token or version that is too
            old, 504 for a version that does not exist yet.
    """
    store, query = cluster.store, asked.query
    version, start = str(store.version), None
    if token := query.get("continue"):
        version, start = _decoded(token)
        if int(version) < store.floor:
            raise expired(
                "The provided continue parameter is too old to display a consistent list result. "
                "You can start a new list without the continue parameter."
            )
    else:
        _check_version(cluster, asked)
    selector = selector_of(asked)
    found: Iterable[tuple[Key, Entry]] = store.list(asked.resource.table, asked.namespace)
    matching = [
        (key, entry)
        for key, entry in found
        if (start is None or key > start) and selector.matches(entry.obj)
    ]
    limit = _limit(query.get("limit", ""))
    if not limit or len(matching) <= limit:
        return Page(entries=tuple(entry for _, entry in matching), version=version)
    return Page(
        entries=tuple(entry for _, entry in matching[:limit]),
        version=version,
        next_token=_encoded(version, matching[limit - 1][0]),
        remaining=len(matching) - limit,
    )


def _limit(text: str) -> int:
    if text and not text.isdigit():
        raise bad_request(f"invalid limit: {text!r}")
    return int(text or 0)


def _check_version(cluster: KubeCluster, asked: Asked) -> None:
    text, match = asked.query.get("resourceVersion", ""), asked.query.get("resourceVersionMatch")
    if match and not text:
        raise ApiError(
            422, "resourceVersionMatch is forbidden unless resourceVersion is provided", details={}
        )
    if text in ("", "0"):
        return
    if not text.isdigit():
        raise bad_request(f'Invalid value: "{text}": strconv.ParseUint: invalid syntax')
    version, store = int(text), cluster.store
    if version > store.version:
        message = f"Too large resource version: {version}, current: {store.version}"
        causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
        raise ApiError(504, message, details={"causes": causes, "retryAfterSeconds": 1})
    if match == "Exact" and version < store.version:
        raise expired(f"The resourceVersion for the provided list is too old: {version}")


def _encoded(version: str, key: Key) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": int(version), "start": list(key)})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(token: str) -> tuple[str, Key]:
    try:
        data = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, name = data["start"]
        return str(int(data["rv"])), (str(namespace), str(name))
    except (ValueError, KeyError, TypeError) as error:
        raise bad_request(f"continue key is not valid: {error}") from error
