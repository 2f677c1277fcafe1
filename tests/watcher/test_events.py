"""Bytes become events, and odd servers are understood: scripted answers, no network."""

import json
import threading
from typing import Any

import pytest

from fedingress.adapters.kube.connection import Page
from fedingress.adapters.kube.errors import ExpiredError
from fedingress.adapters.kube.resources import INGRESS
from fedingress.adapters.kube.streams import SilentError
from fedingress.domain.errors import Unavailable
from fedingress.watcher.events import ErrorEventError, events
from fedingress.watcher.listwatch import ListWatch
from fedingress.watcher.pace import Pace
from tests.watcher.links import Told, until

PACE = Pace(silence=1.0, watch=(1, 2), backoff=(0.001, 0.01), short_watch=0.5)


def ingress(name: str, version: int, uid: str = "u", host: str = "a.example.com") -> dict[str, Any]:
    meta = {"namespace": "shop", "name": name, "uid": uid, "resourceVersion": str(version)}
    return {"kind": "Ingress", "metadata": meta, "spec": {"rules": [{"host": host}]}}


def line(kind: str, manifest: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": manifest}).encode() + b"\n"


class Scripted:
    """An answer that gives the pieces in turn; an exception among them is raised."""

    def __init__(self, *pieces: bytes | Exception, hold: threading.Event | None = None) -> None:
        self._pieces = list(pieces)
        self._hold = hold

    def read1(self, amt: int) -> bytes:
        if not self._pieces:
            if self._hold is not None:
                self._hold.wait(10)
            return b""
        piece = self._pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def shutdown(self) -> None:
        if self._hold is not None:
            self._hold.set()

    def close(self) -> None:
        pass


class Server:
    """Lists and watches from a script; the last watch is held open."""

    def __init__(self, lists: list[Page], watches: list[Scripted | Exception]) -> None:
        self.lists, self.watches = lists, watches
        self.versions: list[str] = []
        self.listed = 0

    def pages(self, resource, namespace="", *, labels="") -> list[Page]:
        self.listed += 1
        return [self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]]

    def stream(self, path, query, *, silence_seconds, metadata_only=False) -> Any:
        self.versions.append(query["resourceVersion"])
        if not self.watches:
            return Scripted(hold=threading.Event())
        found = self.watches.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def listing(*manifests: dict[str, Any], version: int) -> Page:
    return Page(items=manifests, resource_version=str(version), first=True)


def test_lines_are_cut_wherever_the_pieces_end():
    """Events of any size arrive whole, also when a piece ends within a character."""
    big = ingress("big", 1, host="é" * 100_000)
    data = line("ADDED", big) + b"\n" + line("MODIFIED", ingress("web", 2))
    for size in (1 << 16, 7919, len(data)):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        found = list(events(Scripted(*pieces)))
        assert [(event.type, event.manifest["metadata"]["name"]) for event in found] == [
            ("ADDED", "big"),
            ("MODIFIED", "web"),
        ]


def test_an_unfinished_line_is_dropped():
    """A line that the server could not finish is no event; the watch resumes before it."""
    assert list(events(Scripted(line("ADDED", ingress("a", 1))[:-20]))) == []


@pytest.mark.parametrize(
    "text",
    [b"<html>\n", b'{"type":"ADDED"}\n', b"[]\n", b'{"type":"ADDED","object":{}}\n', b"null\n"],
)
def test_what_is_no_event_breaks_the_watch(text):
    """Garbage is Unavailable, never a change."""
    with pytest.raises(Unavailable, match="no event"):
        list(events(Scripted(text)))


def test_error_events_are_told_apart():
    """410 asks for a new list, others for another try."""
    with pytest.raises(ExpiredError):
        list(events(Scripted(line("ERROR", {"code": 410, "message": "too old"}))))
    with pytest.raises(ErrorEventError, match="etcd"):
        list(events(Scripted(line("ERROR", {"code": 500, "message": "etcd"}))))


def run(server: Server, told: Told, done) -> ListWatch:
    watch = ListWatch(server, INGRESS, told, pace=PACE, seed=1)
    with watch:
        assert until(done)
    return watch


def test_a_bookmark_moves_the_place_to_resume():
    """After silence the watch resumes at the bookmark and tells nothing twice."""
    bookmark = line("BOOKMARK", {"kind": "Ingress", "metadata": {"resourceVersion": "50"}})
    server = Server(
        [listing(ingress("web", 5), version=10)],
        [Scripted(bookmark, SilentError("quiet", after_seconds=0.0))],
    )
    told = Told()
    watch = run(server, told, lambda: len(server.versions) == 2)

    assert server.versions == ["10", "50"]
    assert told.events == [("ADDED", "web"), ("SYNCED", "")]
    assert (watch.counts.lists, watch.counts.silent) == (1, 1)


def test_a_server_that_closes_at_once_is_listed_anew():
    """Some servers end a watch that is too old instead of saying 410: the third one is believed."""
    server = Server(
        [listing(ingress("web", 5), version=10), listing(version=90)],
        [Scripted(), Scripted(), Scripted()],
    )
    told = Told()
    watch = run(server, told, lambda: len(server.versions) >= 4)

    assert told.changes("web") == ["ADDED", "DELETED"]
    assert server.versions[:4] == ["10", "10", "10", "90"]
    assert watch.counts.short == 3


def test_three_error_events_lead_to_a_new_list():
    """Errors in the stream are retried where it was, then from scratch."""
    broken = line("ERROR", {"code": 500, "message": "etcd"})
    server = Server(
        [listing(version=10), listing(version=90)],
        [Scripted(broken), Scripted(broken), Scripted(broken)],
    )
    run(server, Told(), lambda: "90" in server.versions)

    assert server.versions == ["10", "10", "10", "90"]


def test_a_bug_in_the_loop_does_not_end_the_watcher():
    """An error that nobody foresaw is logged, and the watcher lists anew."""
    server = Server([listing(version=10)], [ZeroDivisionError("surprise")])
    watch = run(server, Told(), lambda: server.listed == 2)

    assert watch.counts.errors == 1


def test_a_replay_is_told_once():
    """The same uid at the same version is dropped; another uid under the name is not."""
    server = Server(
        [listing(ingress("web", 5, uid="one"), version=5)],
        [
            Scripted(
                line("ADDED", ingress("web", 5, uid="one")),
                line("MODIFIED", ingress("web", 6, uid="one")),
                line("ADDED", ingress("web", 7, uid="two")),
                line("DELETED", ingress("web", 8, uid="two")),
                line("DELETED", ingress("web", 8, uid="two")),
                line("ADDED", ingress("end", 9)),
            )
        ],
    )
    told = Told()
    watch = run(server, told, lambda: told.changes("end"))

    assert told.changes("web") == ["ADDED", "DELETED", "ADDED", "DELETED"]
    assert (watch.mirror.repeated, watch.mirror.irrelevant) == (1, 1)
