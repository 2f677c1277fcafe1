"""
The stored resources of all projects: look-ups, what refers to what, and who hears of changes.

Objects are kept as the REST JSON that a GET answers. Only `writes` and `endpoints` change them, and
call `changed` after each change.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.gcp.errors import not_found
from localcloud.gcp.kinds import COLLECTIONS
from localcloud.gcp.references import BASE, paths

Object = dict[str, Any]
Listener = Callable[[str], None]

FIRST_DAY = "2026-01-01T00:00:00.000-08:00"
"""Since when that exists which was there before anybody looked."""

_NOT_CONTENT = frozenset({"fingerprint", "labelFingerprint"})


class Resources:
    """All objects by path ``projects/P/SCOPE/COLLECTION/NAME``."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.coming: dict[str, Object] = {}  # what running changes will put in their place
        self.endpoints: dict[str, list[Object]] = {}  # of NEGs, and what instance groups serve
        self.instances: dict[str, list[str]] = {}  # links of the members of instance groups
        self.private_keys: dict[str, str] = {}
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Call *listener* with a path after each change of what is stored there."""
        self._listeners.append(listener)

    def changed(self, path: str) -> None:
        """Tell everyone that *path* changed."""
        for listener in tuple(self._listeners):
            listener(path)

    def need(self, path: str) -> Object:
        """
        Give the object at *path*.

        Raises:
            GoogleError: 404.
        """
        self._ensure_default_network(path)
        if path not in self.objects:
            raise not_found(path)
        return self.objects[path]

    def get(self, path: str) -> Object | None:
        """Give the object at *path*, or None."""
        self._ensure_default_network(path)
        return self.objects.get(path)

    def linked(self, link: str) -> Object | None:
        """Give the object that a stored reference names, or None."""
        return self.get(link.removeprefix(BASE))

    def each(self, project: str, collection: str, scope: str = "") -> Iterator[tuple[str, Object]]:
        """Give path and object of a collection in order of names; of one scope, or of all."""
        if collection == "networks":
            self._ensure_default_network(f"projects/{project}/global/networks/default")
        found = []
        for path, item in self.objects.items():
            _, owner, *where, kind, name = path.split("/")
            if owner == project and kind == collection and scope in ("", "/".join(where)):
                found.append((name, path, item))
        for _, path, item in sorted(found, key=lambda each: each[:2]):
            yield path, item

    def users(self, path: str) -> tuple[str, ...]:
        """Give the paths of everything that refers to *path* or is about to, sorted."""
        address = self.objects.get(path, {}).get("address")
        stored = (*self.objects.items(), *self.coming.items())
        found = {
            other
            for other, item in stored
            if other != path and (_refers(other, item, path) or _uses(other, item, address))
        }
        return tuple(sorted(found))

    def view(self, path: str) -> Object:
        """Give the object as a GET answers it, with the fields that are worked out on reading."""
        item = dict(self.need(path))
        collection = path.split("/")[-2]
        if collection == "addresses":
            users = self.users(path)
            item["status"] = "IN_USE" if users else "RESERVED"
            if users:
                item["users"] = [BASE + user for user in users]
        return item

    def have_network(self, project: str, name: str, description: str = "") -> None:
        """Have a network that was there before anybody looked; one that is there stays."""
        path = f"projects/{project}/global/networks/{name}"
        number = number_of(path)
        network = {
            **COLLECTIONS["networks"].defaults,
            "kind": "compute#network",
            "id": str(number),
            "creationTimestamp": FIRST_DAY,
            "name": name,
            "description": description,
            "selfLink": BASE + path,
        }
        self.objects.setdefault(path, network)

    def _ensure_default_network(self, path: str) -> None:
        # Every project begins with this network; it is made when someone first looks.
        parts = path.split("/")
        if parts[2:] == ["global", "networks", "default"] and path not in self.objects:
            self.have_network(parts[1], "default", "Default network for the project")


def number_of(path: str) -> int:
    """Give the id of what was there before anybody looked."""
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:7], "big")


def fingerprint(content: Mapping[str, Any]) -> str:
    """Give the fingerprint of an object's or of labels' content."""
    kept = {name: value for name, value in content.items() if name not in _NOT_CONTENT}
    text = json.dumps(kept, sort_keys=True).encode()
    return base64.b64encode(hashlib.sha256(text).digest()[:8]).decode()


def _refers(other: str, item: Object, path: str) -> bool:
    return path in paths(other.split("/")[-2], item)


def _uses(other: str, item: Object, address: str | None) -> bool:
    is_rule = other.split("/")[-2] == "forwardingRules"
    return is_rule and address is not None and item.get("IPAddress") == address
