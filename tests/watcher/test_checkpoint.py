"""What a watcher keeps over a restart, and what it makes of a file that is not its own."""

import json

import pytest

from fedingress.adapters.kube.connection import Page
from fedingress.domain.work import Work
from fedingress.watcher.checkpoint import Checkpoint, CheckpointFile
from fedingress.watcher.mirror import Mirror
from fedingress.watcher.relevance import digest

WORK = Work(concern="fanout", unit="shop/shop", cause="ingress.changed")


class Told(list):
    def __call__(self, kind, change, manifest) -> None:
        self.append((change, manifest and manifest["metadata"]["name"]))


def ingress(name, *, uid="", version="1", host="a") -> dict:
    meta = {"namespace": "shop", "name": name, "uid": uid or name, "resourceVersion": version}
    return {"kind": "Ingress", "metadata": meta, "spec": {"rules": [{"host": host}]}}


def listed(*manifests) -> list[Page]:
    return [Page(items=manifests, resource_version="9", first=True)]


@pytest.fixture
def file(tmp_path):
    return CheckpointFile(tmp_path / "checkpoint.json", "lab/member/gke-us")


@pytest.fixture
def saved(file):
    mirror = Mirror("Ingress", Told(), digest)
    mirror.replace(listed(ingress("same"), ingress("changed"), ingress("gone"), ingress("swapped")))
    file.save({"Ingress": mirror.known()}, [WORK])
    return file


def test_only_what_differs_is_told_after_a_restart(saved):
    """The same object is KEPT; others are changed, gone, new, or others of the same name."""
    found = saved.load()
    told = Told()
    mirror = Mirror("Ingress", told, digest)
    mirror.restore(found.known["Ingress"])
    mirror.replace(
        listed(
            ingress("same", version="7"),
            ingress("changed", host="b"),
            ingress("swapped", uid="another"),
            ingress("new"),
        )
    )
    assert told == [
        ("KEPT", "same"),
        ("MODIFIED", "changed"),
        ("DELETED", "swapped"),
        ("ADDED", "swapped"),
        ("ADDED", "new"),
        ("DELETED", "gone"),
        ("SYNCED", None),
    ]
    assert found.pending == [WORK]
    told.clear()
    mirror.see(ingress("same", version="8"))
    assert told == []
    assert mirror.irrelevant == 1


def test_a_list_that_was_begun_anew_counts_alone():
    """What only the broken list had is gone: it was deleted between the two."""
    told = Told()
    mirror = Mirror("Ingress", told, digest)
    broken = Page(items=[ingress("a"), ingress("b")], resource_version="1", first=True)
    anew = Page(items=[ingress("b")], resource_version="2", first=True)
    rest = Page(items=[ingress("c")], resource_version="3", first=False)

    assert mirror.replace([broken, anew, rest]) == "3"
    assert told[-2:] == [("DELETED", "a"), ("SYNCED", None)]
    assert len(mirror) == 2


def test_there_may_be_no_file(file):
    """The first start of all."""
    assert file.load() == Checkpoint(pending=[])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found | {"subject": "lab/member/gke-eu"},
        lambda found: found | {"format": 0},
        lambda found: {**found, "known": []},
        lambda found: {**found, "known": {"Ingress": [["digest"]]}},
        lambda found: {**found, "known": {"Ingress": [["digest", {"name": "x"}]]}},
        lambda found: {**found, "pending": [{"concern": "fanout", "unit": "../x"}]},
        lambda found: [found],
    ],
    ids=["subject", "format", "list", "short", "identity", "work", "array"],
)
def test_a_file_of_another_kind_is_not_used(saved, spoil, caplog):
    """It is as if there were none, and the log says so."""
    saved.path.write_text(json.dumps(spoil(json.loads(saved.path.read_text()))))

    assert saved.load().known is None
    assert "is not used" in caplog.text


def test_a_half_written_file_is_never_read(saved):
    """Bytes that are no JSON are refused; a draft beside the file is left alone."""
    whole = saved.path.read_bytes()
    saved.path.with_name("checkpoint.json.new").write_bytes(whole[:40])
    assert saved.load().known
    saved.path.write_bytes(whole[:40])
    assert saved.load().known is None


class TestJournal:
    """What was told after the last checkpoint is told again, for it may be gone by now."""

    OTHER = Work(concern="fanout", unit="shop/other", cause="ingress.seen")

    def test_it_counts_before_the_first_checkpoint(self, file):
        """Killed early: there is no file, and what was told is known all the same."""
        file.note([WORK])
        file.note([self.OTHER])
        again = CheckpointFile(file.path, file.subject)

        assert again.load() == Checkpoint(pending=[WORK, self.OTHER])

    def test_a_checkpoint_takes_the_place_of_what_was_noted_before(self, saved):
        """What came between `begin` and `save` stays, for the checkpoint may not have it."""
        saved.note([WORK])
        saved.begin()
        saved.note([self.OTHER])
        saved.save({}, [])
        assert saved.load().pending == [self.OTHER]
        saved.begin()
        saved.save({}, [])
        assert saved.load().pending == []

    def test_a_line_that_was_cut_off_is_skipped(self, saved):
        """The kill came while it was written, so nothing of it was published."""
        saved.note([WORK])
        text = saved.journal.read_text()
        saved.journal.write_text(text + text.splitlines()[-1][:20])

        assert saved.load().pending == [WORK, WORK]

    def test_a_journal_of_another_cluster_is_not_read(self, file):
        """The folder came from somewhere else."""
        file.note([WORK])

        other = CheckpointFile(file.path, "lab/member/gke-eu")
        assert other.load() == Checkpoint(pending=[])

    def test_a_new_process_goes_on_with_it(self, saved):
        """What the last one noted stays noted in this one, until a checkpoint has it."""
        saved.note([self.OTHER])
        again = CheckpointFile(saved.path, saved.subject)
        pending = again.load().pending
        again.note([WORK])
        assert CheckpointFile(saved.path, saved.subject).load().pending == [*pending, WORK]
        again.begin()
        again.save({}, pending)

        assert again.load().pending == pending == [WORK, self.OTHER]
