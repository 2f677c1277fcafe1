"""
One API server, spoken to in plain JSON through the official client's HTTP layer.

`connect` makes connections; `clusters`, `sources`, `inventory`, `manifests` and the watcher use
them. The generated models are left aside: they cost more time than the calls and hide fields that
they do not know. Errors are those of `domain.errors`.

Source: Kubernetes API conventions; documentation of Server-Side Apply and of "Retrieving large
results sets in chunks".
"""

# ruff: noqa: PLC0415  the SDK is imported where it is first needed, never with this module

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from fedingress.adapters.kube import errors
from fedingress.adapters.kube.errors import ExpiredError, MissingError, excerpt
from fedingress.adapters.kube.resources import Resource
from fedingress.adapters.kube.streams import OpenStream
from fedingress.domain.errors import Forbidden, Unavailable

APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
JSON: Final = "application/json"
_META: Final = "g=meta.k8s.io;v=v1"
METADATA: Final = f"application/json;as=PartialObjectMetadata;{_META}"
METADATA_LIST: Final = f"application/json;as=PartialObjectMetadataList;{_META}"
PAGE: Final = 500

JsonObject = dict[str, Any]
Credentials = Callable[[str], str]
"""Gives the Authorization header, or an empty text; takes the one that the server just refused."""

_ERRORS_FROM = 300
_UNAUTHORIZED = 401
_ATTEMPTS = 2
"""With the credentials at hand, and once with fresh ones."""
_CHUNK_BYTES = 1 << 16
_VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds for the TCP and TLS handshakes, and for everything after them."""

    connect_seconds: float = 3.0
    read_seconds: float = 10.0

    @property
    def call_seconds(self) -> float:
        """The longest that one call takes."""
        return self.connect_seconds + self.read_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A whole collection at *resource_version*."""

    items: Sequence[JsonObject]
    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    A part of a collection; the last one gives the version of all.

    first: whatever pages came before belong to a list that was broken off.
    """

    items: Sequence[JsonObject]
    resource_version: str
    first: bool


Before = Callable[[], None]
"""Called right before a request is sent; raising keeps it from being sent."""


def _always() -> None:
    """Let every request be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    url: str
    body: Mapping[str, Any] | None
    before: Before


class Connection:
    """Safe to use from many threads; its sockets are kept alive between calls."""

    def __init__(
        self, client: Any, *, name: str, credentials: Credentials, timeouts: Timeouts
    ) -> None:
        self.name = name
        self.timeouts = timeouts
        self._client = client
        self._credentials = credentials
        self._wire_errors = _wire_errors()

    def __repr__(self) -> str:
        return f"Connection({self.name})"

    def close(self) -> None:
        """Drop the idle sockets."""
        self._client.close()

    def get(self, resource: Resource, namespace: str, name: str) -> JsonObject | None:
        """The object without its managedFields, or None when it does not exist."""
        try:
            return _stripped(self.call("GET", resource.path(namespace, name)))
        except MissingError as error:
            if not error.kind:
                raise self._not_served(resource) from error
            return None

    def list(self, resource: Resource, namespace: str = "", *, labels: str = "") -> Listing:
        """
        The whole collection, page by page; an absent namespace is empty.

        Raises:
            Unavailable: Also when the API server does not know the resource: a list that failed is
                never an empty one.
        """
        items: list[JsonObject] = []
        version = ""
        for page in self.pages(resource, namespace, labels=labels):
            if page.first:
                items = []
            items += page.items
            version = page.resource_version
        return Listing(items=items, resource_version=version)

    def pages(self, resource: Resource, namespace: str = "", *, labels: str = "") -> Iterator[Page]:
        """
        The same, one page in memory at a time; begun anew once if the server forgets where it was.

        Raises:
            Unavailable: As `list`.
        """
        query = {"limit": str(PAGE), "labelSelector": labels, "fieldSelector": resource.fields}
        accept = METADATA_LIST if resource.metadata_only else JSON
        head = {"apiVersion": resource.api_version, "kind": resource.kind}
        token, restarts = "", 0
        while True:
            try:
                page = self.call(
                    "GET", resource.path(namespace), query | {"continue": token}, accept=accept
                )
            except ExpiredError:
                if restarts or not token:
                    raise
                token, restarts = "", 1
                continue
            except MissingError as error:
                if error.kind != "namespaces":
                    raise self._not_served(resource) from error
                yield Page(items=(), resource_version="", first=True)
                return
            meta = page.get("metadata") or {}
            items = [_stripped(head | item) for item in page.get("items") or ()]
            version = str(meta.get("resourceVersion") or "")
            yield Page(items=items, resource_version=version, first=not token)
            token = str(meta.get("continue") or "")
            if not token:
                return

    def apply(
        self,
        path: str,
        manifest: Mapping[str, Any],
        *,
        manager: str,
        force: bool = False,
        before: Before = _always,
    ) -> JsonObject:
        """Server-side apply; the object as stored afterwards."""
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        return _stripped(
            self.call("PATCH", path, query, body=manifest, content_type=APPLY, before=before)
        )

    def merge(self, path: str, patch: Mapping[str, Any], *, manager: str) -> JsonObject:
        """JSON merge patch, which never creates; the object as stored afterwards."""
        query = {"fieldManager": manager}
        return _stripped(self.call("PATCH", path, query, body=patch, content_type=MERGE))

    def create(self, path: str, manifest: Mapping[str, Any], *, manager: str) -> JsonObject:
        """Create; a Conflict when the name is taken."""
        return _stripped(self.call("POST", path, {"fieldManager": manager}, body=manifest))

    def delete(self, path: str, *, uid: str = "", before: Before = _always) -> None:
        """Delete, only that *uid* if given; an absent object is no error."""
        options: JsonObject = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self.call("DELETE", path, body=options, before=before)
        except MissingError:
            return

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        before: Before = _always,
    ) -> JsonObject:
        """
        One request and its answer, a JSON object.

        *before* is called right before each sending, when the credentials are at hand. A 401 is met
        with fresh credentials once, a keep-alive socket that the server had closed with a second
        GET; nothing else is retried here.
        """
        url, kind = self._url(path, query), content_type if body is not None else ""
        refused = ""
        for _ in range(_ATTEMPTS):
            request = _Request(method=method, url=url, body=body, before=before)
            sent = self._headers(kind, refused=refused) | {"Accept": accept}
            status, headers, data = self._exchange(request, sent)
            refused = sent.get("Authorization", "")
            if status != _UNAUTHORIZED:
                break
        if status >= _ERRORS_FROM:
            is_list = method == "GET" and "limit" in (query or {})
            verb = "list" if is_list else _VERBS[method]
            raise errors.failure(
                where=self.name, verb=verb, path=path, status=status, headers=headers, body=data
            )
        return self._decoded(data)

    def stream(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        silence_seconds: float,
        metadata_only: bool = False,
    ) -> OpenStream:
        """
        An answer that stays open, for watches; the caller closes it.

        Args:
            path: Of a collection.
            query: Its parameters; empty ones are left out.
            silence_seconds: A read that gets nothing for so long fails.
            metadata_only: Of the objects, nothing else is sent.
        """
        accept = METADATA if metadata_only else JSON
        timeouts = (self.timeouts.connect_seconds, silence_seconds)
        refused = ""
        for _ in range(_ATTEMPTS):
            headers = self._headers("", refused=refused) | {
                "Accept": accept,
                "Accept-Encoding": "identity",
            }
            refused = headers.get("Authorization", "")
            try:
                answer = self._client.call_api(
                    "GET", self._url(path, query), headers, _request_timeout=timeouts
                )
            except self._wire_errors as error:
                raise self._unreachable(error) from error
            if answer.status < _ERRORS_FROM:
                return OpenStream(answer.response, name=self.name)
            data = self._body(answer, time.monotonic() + self.timeouts.call_seconds)
            if answer.status != _UNAUTHORIZED:
                break
        raise errors.failure(
            where=self.name,
            verb="watch",
            path=path,
            status=answer.status,
            headers=_lowered(answer.headers),
            body=data,
        )

    def _exchange(
        self, request: _Request, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        timeouts = (self.timeouts.connect_seconds, self.timeouts.read_seconds)
        for last in (request.method != "GET", True):
            request.before()
            deadline = time.monotonic() + self.timeouts.call_seconds
            try:
                answer = self._client.call_api(
                    request.method,
                    request.url,
                    dict(headers),
                    request.body,
                    _request_timeout=timeouts,
                )
                return answer.status, _lowered(answer.headers), self._body(answer, deadline)
            except self._wire_errors as error:
                if last or not _closed_by_server(error):
                    raise self._unreachable(error) from error
        raise AssertionError("the last attempt returns or raises")

    def _body(self, answer: Any, deadline: float) -> bytes:
        parts = []
        try:
            for part in answer.response.stream(_CHUNK_BYTES):
                parts.append(part)
                if time.monotonic() > deadline:
                    answer.response.close()
                    raise Unavailable(f"{self.name} did not finish its answer in time")
        finally:
            answer.response.release_conn()
        return b"".join(parts)

    def _headers(self, content_type: str, *, refused: str) -> dict[str, str]:
        headers = {**self._client.default_headers, "Accept": JSON, "Accept-Encoding": "gzip"}
        if content_type:
            headers["Content-Type"] = content_type
        if authorization := self._credentials(refused).strip():
            # Refused here, for the libraries below would repeat the whole header in their error.
            if not (authorization.isascii() and authorization.isprintable()):
                raise Forbidden(f"{self.name}: our token is not a token; give it anew")
            headers["Authorization"] = authorization
        return headers

    def _url(self, path: str, query: Mapping[str, str] | None) -> str:
        given = {key: value for key, value in (query or {}).items() if value}
        return f"{self._client.configuration.host}{path}" + (
            f"?{urlencode(given)}" if given else ""
        )

    def _decoded(self, data: bytes) -> JsonObject:
        try:
            found = json.loads(data)
        except ValueError as error:
            raise Unavailable(f"{self.name} answers something that is not JSON") from error
        if not isinstance(found, dict):
            raise Unavailable(f"{self.name} answers something that is not an object")
        return found

    def _unreachable(self, error: Exception) -> Unavailable:
        words = str(getattr(error, "reason", None) or error)
        return Unavailable(f"{self.name} cannot be reached: {excerpt(words)}")

    def _not_served(self, resource: Resource) -> Unavailable:
        return Unavailable(
            f"{self.name} does not serve {resource.plural} of {resource.api_version}; "
            "install its CustomResourceDefinition"
        )


def _wire_errors() -> tuple[type[Exception], ...]:
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    return (HTTPError, ApiException, OSError)


def _closed_by_server(error: Exception) -> bool:
    from urllib3.exceptions import ProtocolError

    return isinstance(error, ProtocolError)


def _lowered(headers: Any) -> Mapping[str, str]:
    return {str(key).lower(): str(value) for key, value in headers.items()}


def _stripped(manifest: JsonObject) -> JsonObject:
    meta = manifest.get("metadata")
    if isinstance(meta, dict):
        meta.pop("managedFields", None)
    return manifest
