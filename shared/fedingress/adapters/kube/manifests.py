"""
Applying a user's manifests of any kind, as `kubectl apply --server-side` does.

`fedingress apply` calls it. One object's refusal never keeps the others from being applied.

Source: Kubernetes API concepts (discovery, Server-Side Apply).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from fedingress.adapters.kube.connection import Connection
from fedingress.adapters.kube.errors import MissingError, excerpt
from fedingress.adapters.kube.resources import Resource
from fedingress.domain.errors import Conflict, FederationError, Invalid
from fedingress.domain.ingress import Manifest

MANAGER: Final = "fedingress-cli"
_FIRST: Final = {"Namespace": 0, "CustomResourceDefinition": 1}
_POLL_SECONDS: Final = 0.1

Action = Literal["created", "configured", "unchanged", "failed"]
_FAILED: Final[Action] = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of one object; *reason* says why it failed."""

    kind: str
    namespace: str
    name: str
    action: Action
    reason: str = ""


def apply_manifests(
    connection: Connection,
    documents: Sequence[Manifest],
    *,
    namespace: str = "default",
    force: bool = False,
    wait_seconds: float = 5.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Sequence[Applied]:
    """
    Apply every document, namespaces and definitions first.

    Args:
        connection: To the cluster.
        documents: Objects, or `List`s of them.
        namespace: Of namespaced objects that name none.
        force: Take over fields that other managers own.
        wait_seconds: How long a kind may take to be served after its definition was applied.
        sleep: Waits between two looks at the kinds served.

    Returns:
        One result per object, in the order in which they were applied.
    """
    objects = sorted(_expanded(documents), key=lambda item: _FIRST.get(str(item.get("kind")), 2))
    served = _Discovery(connection, wait_seconds=wait_seconds, sleep=sleep)
    results = []
    for manifest in objects:
        meta = manifest.get("metadata") or {}
        where = str(meta.get("namespace") or "")
        kind, name = str(manifest.get("kind") or "?"), str(meta.get("name") or "?")
        reason = ""
        action: Action = _FAILED
        try:
            resource = served.resource(manifest)
            where = (where or namespace) if resource.namespaced else ""
            action = _apply(connection, resource, where, manifest, force=force)
        except FederationError as error:
            reason = str(error)
        if kind == "CustomResourceDefinition" and action != _FAILED:
            served.expect_more()
        results.append(Applied(kind=kind, namespace=where, name=name, action=action, reason=reason))
    return results


def _apply(
    connection: Connection, resource: Resource, namespace: str, manifest: Manifest, *, force: bool
) -> Action:
    name = str((manifest.get("metadata") or {}).get("name") or "")
    if not name:
        raise Invalid("metadata.name is missing")
    before = connection.get(resource, namespace, name)
    meta = {key: value for key, value in manifest["metadata"].items() if key != "managedFields"}
    if namespace:
        meta["namespace"] = namespace
    try:
        after = connection.apply(
            resource.path(namespace, name),
            {**manifest, "metadata": meta},
            manager=MANAGER,
            force=force,
        )
    except MissingError as error:
        raise Invalid(str(error)) from error
    except Conflict as error:
        raise Conflict(f"{error}; force takes those fields over") from error
    if before is None:
        return "created"
    same = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    return "unchanged" if same else "configured"


def _expanded(documents: Sequence[Manifest]) -> Iterator[Manifest]:
    for document in documents:
        if document.get("kind") == "List":
            yield from _expanded(document.get("items") or ())
        else:
            yield document


class _Discovery:
    """Which resource serves a kind; what was asked once is kept."""

    def __init__(
        self, connection: Connection, *, wait_seconds: float, sleep: Callable[[float], None]
    ) -> None:
        self._connection = connection
        self._wait_seconds = wait_seconds
        self._sleep = sleep
        self._served: dict[str, Mapping[str, Resource]] = {}
        self._deadline = 0.0

    def expect_more(self) -> None:
        """A definition was applied: what is not served yet may be soon."""
        self._served.clear()
        self._deadline = time.monotonic() + self._wait_seconds

    def resource(self, manifest: Manifest) -> Resource:
        """The resource of the manifest's kind."""
        version, kind = str(manifest.get("apiVersion") or ""), str(manifest.get("kind") or "")
        while True:
            if version not in self._served:
                self._served[version] = self._ask(version)
            found = self._served[version].get(kind)
            if found:
                return found
            del self._served[version]
            if time.monotonic() > self._deadline:
                raise Invalid(
                    f"no kind {excerpt(kind)!r} is served in version {excerpt(version)!r}"
                )
            self._sleep(_POLL_SECONDS)

    def _ask(self, api_version: str) -> Mapping[str, Resource]:
        group, _, version = api_version.rpartition("/")
        probe = Resource(group=group, version=version, kind="", plural="")
        try:
            answer: Mapping[str, Any] = self._connection.call("GET", probe.path().rstrip("/"))
        except MissingError:
            return {}
        return {
            str(item["kind"]): Resource(
                group=group,
                version=version,
                kind=str(item["kind"]),
                plural=str(item["name"]),
                namespaced=bool(item.get("namespaced")),
            )
            for item in answer.get("resources") or ()
            if "/" not in str(item["name"])
        }
