"""What a watcher keeps over a restart, and what it makes of a file that is not its own."""

import json

import pytest

from fedingress.adapters.kube.connection import Page
from fedingress.domain.work import Work
from fedingress.watcher.checkpoint import CheckpointFile
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
    assert file.load() is None


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

    assert saved.load() is None
    assert "is not used" in caplog.text


def test_a_half_written_file_is_never_read(saved):
    """Bytes that are no JSON are refused; a draft beside the file is left alone."""
    whole = saved.path.read_bytes()
    saved.path.with_name("checkpoint.json.new").write_bytes(whole[:40])
    assert saved.load() is not None
    saved.path.write_bytes(whole[:40])
    assert saved.load() is None
