"""What each implementation of the port `Store` must do; subclassed with a fixture `store`."""

import math
import threading

import pytest

from fedingress.domain.errors import Conflict, Invalid
from fedingress.ports.store import ABSENT, Key

KEY = Key(family="work", name="dns/zone")


def key(name, family="work"):
    return Key(family=family, name=name)


def together(count, action):
    """Run *action(n)* in *count* threads that start at once; their results, or what they raised."""
    barrier, results = threading.Barrier(count), [None] * count

    def run(n):
        barrier.wait()
        try:
            results[n] = action(n)
        except Exception as error:  # noqa: BLE001  the test judges it
            results[n] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class Writing:
    """Documents, versions and conditional writes."""

    def test_reads_what_was_written(self, store):
        """A document comes back as it was written, with the version that the write gave."""
        body = {"text": "größe \U0001f600\n", "list": [1, 2.5, None, True, {"a": []}], "big": 2**53}
        written = store.put(KEY, body, expected=ABSENT, due_at=12.25)

        assert store.get(KEY) == written
        assert written.body == body
        assert written.version
        assert written.due_at == 12.25

    def test_absent_document_is_none(self, store):
        """A document that was never written is None, whatever else is there."""
        store.put(KEY, {}, expected=ABSENT)

        assert store.get(key("dns/zon")) is None
        assert store.get(key("dns/zone", family="report")) is None

    def test_write_replaces_the_whole_document(self, store):
        """Fields of the last body do not survive the next write."""
        store.put(KEY, {"a": 1, "b": 2}, expected=ABSENT, due_at=5.0)
        store.put(KEY, {"c": 3}, expected=None)

        assert store.get(KEY).body == {"c": 3}
        assert store.get(KEY).due_at is None

    def test_each_write_has_a_new_version(self, store):
        """Even the same body twice gives two versions."""
        versions = {store.put(KEY, {"a": 1}, expected=None).version for _ in range(20)}

        assert len(versions) == 20

    def test_versions_do_not_return_with_a_document(self, store):
        """A document that is deleted and made again is not mistaken for the first one (A-B-A)."""
        first = store.put(KEY, {"n": 1}, expected=ABSENT)
        store.delete(KEY)
        second = store.put(KEY, {"n": 1}, expected=ABSENT)

        assert second.version != first.version
        with pytest.raises(Conflict):
            store.put(KEY, {"n": 2}, expected=first.version)

    @pytest.mark.parametrize("expected", ["1", "999999999999999999"])
    def test_expected_version_of_an_absent_document(self, store, expected):
        """A version that was never given is a conflict, and nothing is written."""
        with pytest.raises(Conflict):
            store.put(KEY, {}, expected=expected)

        assert store.get(KEY) is None

    def test_creation_happens_once(self, store):
        """`ABSENT` refuses a document that is there, and leaves it."""
        store.put(KEY, {"n": 1}, expected=ABSENT)
        with pytest.raises(Conflict):
            store.put(KEY, {"n": 2}, expected=ABSENT)

        assert store.get(KEY).body == {"n": 1}

    def test_stale_version_conflicts(self, store):
        """A writer that read before another write is refused, and the other's write stays."""
        first = store.put(KEY, {"n": 1}, expected=ABSENT)
        store.put(KEY, {"n": 2}, expected=first.version)
        with pytest.raises(Conflict):
            store.put(KEY, {"n": 3}, expected=first.version)

        assert store.get(KEY).body == {"n": 2}

    def test_bodies_are_not_shared(self, store):
        """Changing a body that was given or got changes nothing stored."""
        body = {"list": [1]}
        written = store.put(KEY, body, expected=ABSENT)
        body["list"].append(2)
        written.body["list"].append(3)
        store.get(KEY).body["list"].append(4)

        assert store.get(KEY).body == {"list": [1]}

    @pytest.mark.parametrize(
        "body",
        [
            {"a": math.nan},
            {"a": math.inf},
            {"a": object()},
            {"a": b"bytes"},
            {"a": {1, 2}},
            {1: "a"},
            {"a": {None: 1}},
            {"a": "\ud800"},
            {"\ud800": 1},
            {"a": "x" * 400_000},
            ["no object"],
        ],
        ids=[
            "nan",
            "infinity",
            "object",
            "bytes",
            "set",
            "number as key",
            "null as key",
            "surrogate",
            "surrogate as key",
            "too large",
            "list",
        ],
    )
    def test_refuses_what_json_has_not(self, store, body):
        """A body that some store could not keep is refused by all, and the old one stays."""
        store.put(KEY, {"old": 1}, expected=ABSENT)
        with pytest.raises(Invalid):
            store.put(KEY, body, expected=None)

        assert store.get(KEY).body == {"old": 1}

    def test_largest_document_is_kept(self, store):
        """The largest body under the longest name comes back whole."""
        longest = key("x" * 1024)
        body = {"a": "x" * (400_000 - len('{"a":""}'))}
        store.put(longest, body, expected=ABSENT, due_at=1.5)

        assert store.get(longest).body == body

    def test_names_are_kept_apart(self, store):
        """Names that some store must spell otherwise do not meet, and come back as they were."""
        names = [
            "a/b",
            "a|b",
            "a%7Cb",
            "a%2Fb",
            ".",
            "..",
            "%2E",
            "__a__",
            "%5F_a__",
            "/",
            "é",
            "e",
        ]
        for name in names:
            store.put(key(name), {"name": name}, expected=ABSENT)

        assert [store.get(key(name)).body["name"] for name in names] == names
        assert [d.key.name for d in store.list("work")] == sorted(names)

    @pytest.mark.parametrize(
        "name",
        ["", "a\nb", "a\x00", "\udcff", "x" * 1025, "é" * 513],
        ids=["empty", "newline", "null", "surrogate", "too long", "too many bytes"],
    )
    def test_refuses_names_that_cannot_be_kept(self, store, name):
        """Empty, long and unprintable names are refused by every method that takes a key."""
        for call in (
            lambda: store.put(key(name), {}, expected=None),
            lambda: store.get(key(name)),
            lambda: store.delete(key(name)),
        ):
            with pytest.raises(Invalid):
                call()


class Deleting:
    """Removing documents, conditionally or not."""

    def test_deleted_document_is_gone(self, store):
        """It is gone from reads, lists and the index."""
        store.put(KEY, {}, expected=ABSENT, due_at=1.0)
        store.delete(KEY)

        assert store.get(KEY) is None
        assert list(store.list("work")) == []
        assert list(store.due("work", before=10.0, limit=10)) == []

    def test_absent_document_may_be_deleted(self, store):
        """Deleting twice is no error without an expected version, and one with it."""
        written = store.put(KEY, {}, expected=ABSENT)
        store.delete(KEY)
        store.delete(KEY)

        with pytest.raises(Conflict):
            store.delete(KEY, expected=written.version)

    def test_deletion_checks_the_version(self, store):
        """A stale version does not delete; the present one does."""
        first = store.put(KEY, {"n": 1}, expected=ABSENT)
        second = store.put(KEY, {"n": 2}, expected=first.version)
        with pytest.raises(Conflict):
            store.delete(KEY, expected=first.version)
        assert store.get(KEY) == second

        store.delete(KEY, expected=second.version)
        assert store.get(KEY) is None

    def test_deletion_of_what_must_be_absent(self, store):
        """With `ABSENT` expected nothing is deleted."""
        store.delete(KEY, expected=ABSENT)
        written = store.put(KEY, {}, expected=ABSENT)
        with pytest.raises(Conflict):
            store.delete(KEY, expected=ABSENT)

        assert store.get(KEY) == written


class Listing:
    """Lists by prefix and the index of due documents."""

    def test_lists_by_prefix_in_order(self, store):
        """Names come in order, of one family, and only those that begin with the prefix."""
        names = ["a/2", "a/1", "a/10", "ab", "b/1", "a", "a/é", "A/1"]
        for name in names:
            store.put(key(name), {"name": name}, expected=ABSENT)
        store.put(key("a/3", family="report"), {}, expected=ABSENT)

        assert [d.key.name for d in store.list("work", "a/")] == ["a/1", "a/10", "a/2", "a/é"]
        assert [d.key.name for d in store.list("work")] == sorted(names)
        assert [d.body["name"] for d in store.list("work", "a/1")] == ["a/1", "a/10"]
        assert list(store.list("intent")) == []

    def test_lists_more_than_one_answer_holds(self, store):
        """A list of megabytes is whole, and so is what is due."""
        names = [f"a/{n}" for n in range(4)]
        for n, name in enumerate(names):
            store.put(key(name), {"text": "x" * 390_000}, expected=ABSENT, due_at=float(n))

        assert [d.key.name for d in store.list("work", "a/")] == names
        assert [d.key.name for d in store.due("work", before=9.0, limit=9)] == names

    @pytest.mark.parametrize("prefix", ["a%", "a_", "a*", "a?", "a[b]", "a\\", "a'"])
    def test_prefixes_are_taken_literally(self, store, prefix):
        """No character of a prefix is a pattern."""
        store.put(key(f"{prefix}x"), {}, expected=ABSENT)
        store.put(key("abx"), {}, expected=ABSENT)

        assert [d.key.name for d in store.list("work", prefix)] == [f"{prefix}x"]

    def test_due_comes_longest_first(self, store):
        """Due documents come by time, the bound included, at most *limit*, of one family."""
        for name, due_at in {"late": 30.0, "first": 0.0, "now": 20.0, "mid": 10.5}.items():
            store.put(key(name), {}, expected=ABSENT, due_at=due_at)
        store.put(key("never"), {}, expected=ABSENT)
        store.put(key("other", family="report"), {}, expected=ABSENT, due_at=1.0)

        def due(limit):
            return [d.key.name for d in store.due("work", before=20.0, limit=limit)]

        assert due(10) == ["first", "mid", "now"]
        assert due(2) == ["first", "mid"]
        assert due(0) == []

    def test_index_follows_each_write(self, store):
        """A write moves the document in the index, or takes it out."""
        store.put(KEY, {}, expected=None, due_at=1.0)
        store.put(KEY, {}, expected=None, due_at=50.0)
        assert list(store.due("work", before=10.0, limit=10)) == []
        assert [d.due_at for d in store.due("work", before=60.0, limit=10)] == [50.0]

        store.put(KEY, {}, expected=None)
        assert list(store.due("work", before=60.0, limit=10)) == []


class Contending:
    """Many threads at once."""

    def test_no_increment_is_lost(self, store):
        """Threads that add by compare-and-swap reach the exact sum."""
        store.put(KEY, {"n": 0}, expected=ABSENT)

        def add(_):
            for _ in range(10):
                while True:
                    found = store.get(KEY)
                    try:
                        store.put(KEY, {"n": found.body["n"] + 1}, expected=found.version)
                    except Conflict:
                        continue
                    break

        assert together(6, add) == [None] * 6
        assert store.get(KEY).body == {"n": 60}

    def test_one_creator_wins(self, store):
        """Of many that create one document exactly one succeeds, and its body stands."""
        results = together(12, lambda n: store.put(KEY, {"n": n}, expected=ABSENT).body["n"])

        winners = [r for r in results if not isinstance(r, Exception)]
        assert len(winners) == 1
        assert all(isinstance(r, Conflict) for r in results if r is not winners[0])
        assert store.get(KEY).body == {"n": winners[0]}


class StoreContract(Writing, Deleting, Listing, Contending):
    """All of it; a subclass gives the fixture `store`, fresh for each test."""
