"""What only the SQLite store must stand: other processes, a file that vanishes or is damaged."""

import contextlib
import itertools
import logging
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.domain.errors import Conflict, Unavailable
from fedingress.ports.store import ABSENT, Key

KEY = Key(family="work", name="dns/zone")

ADDER = """
import sys
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.domain.errors import Conflict
from fedingress.ports.store import Key
store = SqliteStore(sys.argv[1], busy_seconds=30)
for _ in range(25):
    while True:
        found = store.get(Key(family="work", name="dns/zone"))
        body = {"n": found.body["n"] + 1 if found else 1}
        expected = found.version if found else ""
        try:
            store.put(Key(family="work", name="dns/zone"), body, expected=expected)
        except Conflict:
            continue
        break
"""

CHURNER = """
import sys
import time
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.domain.errors import Conflict, Unavailable
from fedingress.ports.store import Key
store, key, end = SqliteStore(sys.argv[1]), Key(family="work", name="a"), time.monotonic() + 2.0
while time.monotonic() < end:
    try:
        found = store.get(key)
        store.put(key, {}, expected=found.version if found else "")
    except (Conflict, Unavailable):
        continue
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def store(path):
    store = SqliteStore(path, busy_seconds=0.05)
    yield store
    store.close()


def test_processes_share_the_file(path):
    """Three processes that add to one document, from no file at all, lose no increment."""
    adders = [subprocess.Popen([sys.executable, "-c", ADDER, str(path)]) for _ in range(3)]

    assert [adder.wait(60) for adder in adders] == [0, 0, 0]
    with closing(SqliteStore(path)) as store:
        assert store.get(KEY).body == {"n": 75}


def test_writes_outlive_the_process(path):
    """A new store on the same file finds the documents and refuses what is stale."""
    with closing(SqliteStore(path)) as first:
        old = first.put(KEY, {"n": 1}, expected=ABSENT)
        written = first.put(KEY, {"n": 2}, expected=old.version, due_at=7.0)

    with closing(SqliteStore(path)) as second:
        assert second.get(KEY) == written
        with pytest.raises(Conflict):
            second.put(KEY, {"n": 3}, expected=old.version)


def test_busy_file_is_unavailable(path, store):
    """A writer that another process keeps waiting gives up, and comes back soon; readers go on."""
    store.put(KEY, {"n": 1}, expected=ABSENT)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked") as caught:
            store.put(KEY, {"n": 2}, expected=None)
        assert store.get(KEY).body == {"n": 1}
        other.execute("ROLLBACK")

    assert caught.value.after_seconds == 1.0
    store.put(KEY, {"n": 2}, expected=None)
    assert store.get(KEY).body == {"n": 2}


@pytest.mark.parametrize("suffixes", [("",), ("", "-wal"), ("", "-wal", "-shm")])
def test_vanished_file_is_an_empty_store(path, store, suffixes):
    """Whichever of its files are removed under a store that is open, it goes on empty."""
    old = store.put(KEY, {"n": 1}, expected=ABSENT)
    for suffix in suffixes:
        Path(f"{path}{suffix}").unlink()

    assert store.get(KEY) is None
    with pytest.raises(Conflict):
        store.put(KEY, {"n": 2}, expected=old.version)
    assert store.put(KEY, {"n": 1}, expected=ABSENT).version != old.version
    with closing(SqliteStore(path)) as other:
        assert other.get(KEY) == store.get(KEY)


def test_vanished_folder_is_made_again(tmp_path):
    """The folder of the file is created when it is missing, at the start and later."""
    with closing(SqliteStore(tmp_path / "deep" / "state.db")) as store:
        store.put(KEY, {"n": 1}, expected=ABSENT)
        shutil.rmtree(tmp_path / "deep")

        assert store.get(KEY) is None


def garbage(path):
    path.write_bytes(b"no database at all" * 1000)


def torn(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))


@pytest.mark.parametrize("damage", [garbage, torn])
def test_damaged_file_is_put_aside(path, store, caplog, damage):
    """A damaged file is kept under another name, said in the log, and replaced by an empty one."""
    old = store.put(KEY, {"n": 1}, expected=ABSENT)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()  # an open connection may go on answering from its cache
    damage(path)

    with caplog.at_level(logging.WARNING, "fedingress"):
        assert store.get(KEY) is None
    assert "is damaged" in caplog.text
    assert store.put(KEY, {"n": 2}, expected=ABSENT).version != old.version
    assert len(list(path.parent.glob("state.db.damaged-*"))) == 1


def test_truncated_file_is_an_empty_store(path, store):
    """A file that was emptied in place, as `> state.db` does, counts as a missing one."""
    store.put(KEY, {"n": 1}, expected=ABSENT)
    path.write_bytes(b"")

    with closing(SqliteStore(path)) as other:
        assert other.get(KEY) is None
        store.put(KEY, {"n": 2}, expected=ABSENT)
        assert other.get(KEY) == store.get(KEY)


def test_nothing_done_to_the_file_stops_its_users(path):
    """Two processes go on while their file is removed, emptied and overwritten under them."""
    churners = [subprocess.Popen([sys.executable, "-c", CHURNER, str(path)]) for _ in range(2)]
    harms = itertools.cycle(
        [
            lambda: path.unlink(missing_ok=True),
            lambda: path.write_bytes(b"junk" * 5000),
            lambda: path.write_bytes(b""),
            lambda: Path(f"{path}-shm").unlink(missing_ok=True),
        ]
    )
    while any(churner.poll() is None for churner in churners):
        next(harms)()
        with contextlib.suppress(subprocess.TimeoutExpired):
            churners[0].wait(0.1)

    assert [churner.returncode for churner in churners] == [0, 0]
    with closing(SqliteStore(path)) as store:
        store.put(KEY, {"n": 1}, expected=None)
    with closing(SqliteStore(path)) as store:
        assert store.get(KEY).body == {"n": 1}


def test_place_that_cannot_be_written(tmp_path):
    """A folder in the file's place is unavailable, not a crash."""
    (tmp_path / "state.db").mkdir()
    with pytest.raises(Unavailable):
        SqliteStore(tmp_path / "state.db").get(KEY)
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        SqliteStore(tmp_path / "file" / "state.db").get(KEY)


def test_threads_that_end_leave_no_connection(path, store):
    """Connections are bounded by the operations at one time, not by the threads that ever ran."""
    for _ in range(20):
        thread = threading.Thread(target=lambda: store.put(KEY, {}, expected=None))
        thread.start()
        thread.join()

    assert len(store._file._idle) == 1
