"""
List-and-watch of one resource of one cluster, in a thread, for as long as the process lives.

The official client's watch can hang for ever on a silent connection and gives up on the second
410, so this is a loop of our own. It never plans: it calls `on_change`, and that is told every
object that is there, every change that matters, and every deletion, also those that happened while
nobody watched. See `relevance` for what matters.

Source: Kubernetes API concepts, "Efficient detection of changes" and "410 Gone responses";
kubernetes/kubernetes#137089 (a server that ends watches at once instead of answering 410).
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol, Self

from fedingress.adapters.kube.connection import Page
from fedingress.adapters.kube.errors import ExpiredError, ThrottledError
from fedingress.adapters.kube.resources import Resource
from fedingress.adapters.kube.streams import OpenStream, SilentError
from fedingress.domain.errors import FederationError
from fedingress.domain.ingress import Manifest
from fedingress.watcher.events import BOOKMARK, ErrorEventError, Event, events
from fedingress.watcher.mirror import DELETED, Mirror, OnChange, UndeliveredError
from fedingress.watcher.pace import Counts, Pace
from fedingress.watcher.relevance import digest as relevant_digest

_LOG = logging.getLogger("fedingress")
_ERRORS_BEFORE_LIST: Final = 3


class Watched(Protocol):
    """What a `Connection` offers here."""

    def pages(self, resource: Resource, namespace: str = "", *, labels: str = "") -> Iterator[Page]:
        """The whole collection, in parts."""
        ...

    def stream(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        silence_seconds: float,
        metadata_only: bool = False,
    ) -> OpenStream:
        """An answer that stays open."""
        ...


class ListWatch:
    """Started once and stopped once; a context manager too. *synced* is set by the first list."""

    def __init__(
        self,
        connection: Watched,
        resource: Resource,
        on_change: OnChange,
        *,
        namespace: str = "",
        labels: str = "",
        pace: Pace | None = None,
        digest: Callable[[Manifest], str] = relevant_digest,
        seed: int | None = None,
    ) -> None:
        self.resource = resource
        self.counts = Counts()
        self.synced = threading.Event()
        self.mirror = Mirror(resource.kind, on_change, digest)
        self._connection = connection
        self._namespace = namespace
        self._labels = labels
        self._pace = pace or Pace()
        self._random = random.Random(seed)  # noqa: S311  spreads load, guards nothing
        self._version = ""
        self._delay = self._pace.backoff[0]
        self._shorts = self._error_events = 0
        self._progress = self._turned = time.monotonic()
        self._stopping = threading.Event()
        self._open: OpenStream | None = None
        self._lock = threading.Lock()
        name = f"watch-{resource.plural}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """End, waiting for the thread at most so long."""
        self._stopping.set()
        with self._lock:
            if self._open is not None:
                self._open.shutdown()
        if self.started:
            self._thread.join(timeout_seconds)

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._thread.ident is not None

    def quiet_seconds(self) -> float:
        """How long ago the server last said anything: a bookmark comes about once a minute."""
        return time.monotonic() - self._progress

    def stuck_seconds(self) -> float:
        """How long ago the loop last went round or heard anything; a failed attempt counts too."""
        return max(0.0, time.monotonic() - max(self._progress, self._turned))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._turned = time.monotonic()
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001  a dead watcher would look like a quiet one
                if not self._stopping.is_set():
                    self._failed(error)

    def _turn(self) -> None:
        if not self._version:
            self._list()
        began = time.monotonic()
        told = self._watch()
        lived = time.monotonic() - began
        if told or lived >= self._pace.short_watch or self._stopping.is_set():
            self._shorts, self._delay = 0, self._pace.backoff[0]
            return
        self.counts.short += 1
        self._shorts += 1
        if self._shorts >= self._pace.short_watches:
            self._version, self._shorts = "", 0
        self._wait()

    def _list(self) -> None:
        self.counts.lists += 1
        self._version = self.mirror.replace(self._listed())
        self._progress = time.monotonic()
        self.synced.set()

    def _listed(self) -> Iterator[Page]:
        found = self._connection.pages(self.resource, self._namespace, labels=self._labels)
        for page in found:
            self._progress = time.monotonic()
            self.counts.events += len(page.items)
            yield page

    def _watch(self) -> int:
        """Take events until the server ends the watch; how many there were."""
        self.counts.watches += 1
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(self._random.randint(*self._pace.watch)),
            "labelSelector": self._labels,
            "fieldSelector": self.resource.fields,
        }
        stream = self._connection.stream(
            self.resource.path(self._namespace),
            query,
            silence_seconds=self._pace.silence,
            metadata_only=self.resource.metadata_only,
        )
        told = 0
        try:
            with self._lock:
                self._open = stream
            for event in () if self._stopping.is_set() else events(stream):
                if self._stopping.is_set():
                    break
                told += 1
                self.counts.events += event.type != BOOKMARK
                self._take(event)
        finally:
            with self._lock:
                self._open = None
            stream.close()
        return told

    def _take(self, event: Event) -> None:
        if event.type == DELETED:
            self.mirror.forget(event.manifest)
        elif event.type != BOOKMARK:
            self.mirror.see(event.manifest)
        self._version = event.resource_version
        self._error_events, self._delay = 0, self._pace.backoff[0]
        self._progress = time.monotonic()

    def _failed(self, error: Exception) -> None:
        """Decide whether to list anew, and wait."""
        match error:
            case SilentError():
                self.counts.silent += 1  # what came before it is known: resume on a new socket
                return
            case ExpiredError():
                self.counts.expired += 1
                self._version = ""
            case ErrorEventError():
                self.counts.errors += 1
                self._error_events += 1
                if self._error_events >= _ERRORS_BEFORE_LIST:
                    self._version, self._error_events = "", 0
            case FederationError():
                self.counts.errors += 1
            case UndeliveredError():
                self.counts.errors += 1
                self._version = ""
                _LOG.warning("a change of %s: %s", self.resource.plural, error.__cause__)
            case _:
                self.counts.errors += 1
                self._version = ""
                _LOG.error("watching %s failed", self.resource.plural, exc_info=error)
        _LOG.debug("watching %s: %s", self.resource.plural, error)
        self._wait(error.after_seconds if isinstance(error, ThrottledError) else 0.0)

    def _wait(self, at_least: float = 0.0) -> None:
        """Wait with full jitter, so that many watchers do not come back at once."""
        seconds = at_least + self._random.uniform(0.0, self._delay)
        self._turned = time.monotonic() + seconds  # a wait that was asked for is no standstill
        self._stopping.wait(seconds)
        self._delay = min(self._delay * 2, self._pace.backoff[1])
