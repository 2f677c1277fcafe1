"""
Watches: replay from a resourceVersion, then every change as it happens.

An object that leaves the selection is told as DELETED, one that enters as ADDED. A version older
than the history gets an ERROR event with a 410 Status, as from a real API server.

Source: Kubernetes API concepts, "Efficient detection of changes", "Streaming lists".
"""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from localcloud.kube import views
from localcloud.kube.cluster import KubeCluster
from localcloud.kube.errors import bad_request, expired
from localcloud.kube.lists import selector_of
from localcloud.kube.requests import Asked
from localcloud.kube.selectors import Selector
from localcloud.kube.store import ADDED, DELETED, MODIFIED, Change, Entry, Key

_INITIAL_END = "k8s.io/initial-events-end"
_SHORTEST, _LONGEST = 1800.0, 3600.0  # seconds of a watch that names no timeout
_BEFORE_END = 2.0  # seconds before the end when a last bookmark is sent
_BATCH = 500
_BACKLOG = 100_000  # events; a watcher that reads nothing is cut off

Render = Callable[[Entry], bytes]  # an object, or a table with one row, as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What a watch was asked for."""

    version: int
    initial: bool
    bookmarks: bool
    mark_initial_end: bool
    seconds: float


class _Feed:
    """The changes that one watch has still to send."""

    def __init__(self, asked: Asked, selector: Selector, render: Render) -> None:
        self.waiting: deque[bytes] = deque()
        self.ready = asyncio.Event()
        self.overflow = False
        self._namespace = asked.namespace
        self._selector = selector
        self._render = render

    def begin(self, entries: Iterable[tuple[Key, Entry]]) -> None:
        """Queue what is there before any change, as ADDED."""
        for _, entry in entries:
            if self._selector.matches(entry.obj):
                self.waiting.append(event(ADDED, self._render(entry)))

    def take(self, change: Change) -> None:
        """Queue *change* if it concerns this watch; a listener of the store."""
        if self._namespace and change.entry.obj["metadata"].get("namespace") != self._namespace:
            return
        kind = self._seen_as(change)
        if not kind:
            return
        if len(self.waiting) >= _BACKLOG:
            self.overflow = True
        else:
            self.waiting.append(event(kind, self._render(change.entry)))
        self.ready.set()

    def _seen_as(self, change: Change) -> str:
        if self._selector.everything():
            return change.type
        before = change.before is not None and self._selector.matches(change.before.obj)
        after = self._selector.matches(change.entry.obj)
        if change.type == DELETED:
            return DELETED if before or after else ""
        if after:
            return MODIFIED if before else ADDED
        return DELETED if before else ""

    def batch(self) -> bytes:
        """Take what is waiting, up to a limit."""
        parts = [self.waiting.popleft() for _ in range(min(len(self.waiting), _BATCH))]
        if not self.waiting:
            self.ready.clear()
        return b"".join(parts)


def event(kind: str, obj: bytes) -> bytes:
    """Give one line of a watch stream."""
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), obj)


async def watch(
    request: web.BaseRequest, cluster: KubeCluster, asked: Asked, render: Render | None = None
) -> web.StreamResponse:
    """
    Answer a watch request.

    Raises:
        ApiError: 400 for a parameter that cannot be read.
    """
    plan = _plan(asked)
    selector = selector_of(asked)
    show = render or (lambda entry: views.raw(asked.resource, entry))
    feed = _Feed(asked, selector, show)
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
    )
    response.enable_chunked_encoding()
    await response.prepare(request)
    transport = request.transport
    cut = transport.abort if transport is not None else feed.ready.set
    table, store = asked.resource.table, cluster.store
    try:
        if not plan.initial and plan.version < store.floor:
            gone = expired(f"too old resource version: {plan.version} ({store.floor})")
            await response.write(event("ERROR", json.dumps(gone.status()).encode()))
            return response
        if plan.initial:
            feed.begin(store.list(table, asked.namespace))
            if plan.mark_initial_end:
                marked = {"annotations": {_INITIAL_END: "true"}}
                feed.waiting.append(_bookmark(asked, store.version, marked))
        for change in () if plan.initial else store.since(plan.version, table):
            feed.take(change)
        store.listen(feed.take, table)
        cluster.watches.add(cut)
        await _stream(response, cluster, asked, feed, plan)
    except ConnectionError:
        pass  # the client left; there is nobody to tell
    finally:
        store.unlisten(feed.take, table)
        cluster.watches.discard(cut)
    return response


def _plan(asked: Asked) -> _Plan:
    text, timeout = asked.query.get("resourceVersion", ""), asked.query.get("timeoutSeconds", "")
    if text and not text.isdigit():
        raise bad_request(f'Invalid value: "{text}": strconv.ParseUint: invalid syntax')
    if timeout and not timeout.isdigit():
        raise bad_request(f"invalid timeoutSeconds: {timeout!r}")
    send_initial = asked.query.get("sendInitialEvents", "")
    bookmarks = asked.flag("allowWatchBookmarks")
    streaming_list = asked.flag("sendInitialEvents")
    if send_initial and asked.query.get("resourceVersionMatch") != "NotOlderThan":
        raise bad_request("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
    seconds = float(timeout or 0) or random.uniform(_SHORTEST, _LONGEST)  # noqa: S311 - jitter
    return _Plan(
        version=int(text or 0),
        initial=streaming_list or (text in ("", "0") and not send_initial),
        bookmarks=bookmarks,
        mark_initial_end=streaming_list and bookmarks,
        seconds=seconds,
    )


def _bookmark(asked: Asked, version: int, more: Mapping[str, Any] | None = None) -> bytes:
    metadata = {"resourceVersion": str(version), "creationTimestamp": None, **(more or {})}
    resource = asked.resource
    obj = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    return event("BOOKMARK", json.dumps(obj).encode())


async def _stream(
    response: web.StreamResponse,
    cluster: KubeCluster,
    asked: Asked,
    feed: _Feed,
    plan: _Plan,
) -> None:
    start = time.monotonic()
    end = start + plan.seconds
    farewell = end - min(_BEFORE_END, plan.seconds / 2)
    due = [start + cluster.bookmark_seconds, farewell] if plan.bookmarks else []
    while not feed.overflow:
        now = time.monotonic()
        if feed.waiting:
            await response.write(feed.batch())
            continue
        if now >= end:
            return
        if due and now >= min(due):
            due = [t for t in due if t > now]
            if farewell not in due or now < farewell:
                due.append(now + cluster.bookmark_seconds)
            await response.write(_bookmark(asked, cluster.store.version))
            continue
        try:
            await asyncio.wait_for(feed.ready.wait(), min([end, *due]) - now)
        except TimeoutError:
            continue
