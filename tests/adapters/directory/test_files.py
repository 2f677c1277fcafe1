import json
import os

import pytest
import yaml

from fedingress.adapters.directory import DirectorySources
from fedingress.adapters.directory.documents import SIZE_LIMIT
from fedingress.domain.errors import Unavailable
from tests.adapters.directory.desk import OTHER, profile, write
from tests.contract.sources_suite import (
    FINALIZER,
    KEY,
    ingress,
    ingress_class,
    policy,
)


class TestFiles:
    """What is a deletion, and what is not."""

    def test_a_document_cut_from_a_file_is_a_deletion(self, root, sources):
        """The other documents of the file stay."""
        write(root / "all.yaml", ingress(), ingress(name="other"))
        sources.set_finalizers(sources.get(OTHER), [FINALIZER])
        write(root / "all.yaml", ingress())

        assert sources.get(OTHER).deleting
        assert not sources.get(KEY).deleting

    def test_an_unparsable_file_is_not_a_deletion(self, root, sources):
        """Objects stay as they were, with the fault, which names line and column."""
        write(root / "all.yaml", ingress_class(), ingress())
        before = sources.get(KEY)
        (root / "all.yaml").write_text("kind: [\nx: }", encoding="utf-8")
        after = sources.get(KEY)

        assert not after.deleting
        assert after.ingress == before.ingress
        assert str(after.faults[0]).startswith("all.yaml:2:4: ")
        assert str(after.faults[0]) in [str(fault) for fault in sources.faults()]
        assert [source.key for source in sources.list()] == [KEY]

        write(root / "all.yaml", ingress_class(), ingress())
        assert sources.get(KEY).faults == ()

    def test_one_bad_document_deletes_nothing_and_hides_nothing(self, root, sources):
        """The good documents of the file are read, the lost one stays as it was."""
        write(root / "all.yaml", ingress(), ingress(name="other"))
        sources.get(KEY)
        changed = yaml.safe_dump(ingress(host="new.example.com"))
        text = f"{changed}---\nkind: Ingress\nmetadata: {{name: [}}\n"
        (root / "all.yaml").write_text(text, encoding="utf-8")

        assert sources.get(KEY).ingress.hosts == ("new.example.com",)
        assert sources.get(KEY).faults == ()
        assert not sources.get(OTHER).deleting
        assert sources.get(OTHER).faults

    def test_a_file_that_may_not_be_read_is_not_a_deletion(self, root, sources):
        """Neither a link to nothing nor bytes that are no text delete an object."""
        write(root / "a.yaml", ingress())
        sources.get(KEY)
        (root / "a.yaml").write_bytes(b"\xff\xfe\x00k")
        assert "cannot be read: is not UTF-8" in str(sources.get(KEY).faults[0])

        (root / "a.yaml").unlink()
        (root / "a.yaml").symlink_to(root / "nowhere")
        assert "cannot be read: No such file" in str(sources.get(KEY).faults[0])
        assert not sources.get(KEY).deleting

    def test_a_folder_that_may_not_be_listed_is_not_a_deletion(self, root, sources, monkeypatch):
        """Its objects stay, with the fault."""
        write(root / "team" / "a.yaml", ingress())
        sources.get(KEY)
        listing = os.scandir

        def refuse(path):
            if str(path).endswith("team"):
                raise PermissionError(13, "Permission denied")
            return listing(path)

        monkeypatch.setattr(os, "scandir", refuse)
        found = sources.get(KEY)
        assert not found.deleting
        assert str(found.faults[0]).startswith("team: cannot be read: Permission denied")

    def test_an_editors_swap_is_not_a_deletion(self, root, sources, clock):
        """A file that is back a moment later was never deleted."""
        write(root / "a.yaml", ingress())
        uid = sources.get(KEY).uid
        (root / "a.yaml").rename(root / "a.yaml~")
        clock.on_sleep = lambda: (root / "a.yaml~").rename(root / "a.yaml")
        found = sources.get(KEY)

        assert found.uid == uid
        assert not found.deleting
        assert len(clock.slept) == 1

    def test_a_truncated_file_is_looked_at_twice(self, root, sources, clock):
        """An empty file that is whole a moment later was never a deletion."""
        write(root / "a.yaml", ingress())
        uid = sources.get(KEY).uid
        (root / "a.yaml").write_text("", encoding="utf-8")
        clock.on_sleep = lambda: write(root / "a.yaml", ingress(host="new.example.com"))
        found = sources.get(KEY)

        assert (found.uid, found.generation) == (uid, 2)

    def test_a_moved_document_is_the_same_object(self, root, sources):
        """Another file and order change nothing."""
        write(root / "a.yaml", ingress())
        before = sources.get(KEY)
        (root / "a.yaml").unlink()
        write(root / "b" / "c.yml", ingress(name="other"), ingress())
        after = sources.get(KEY)

        assert (after.uid, after.resource_version) == (before.uid, before.resource_version)

    def test_an_object_that_stands_twice_is_frozen(self, root, sources):
        """What is known stays, and the fault names both files; when one goes, the other counts."""
        write(root / "a.yaml", ingress())
        before = sources.get(KEY)
        write(root / "b.yaml", ingress(host="new.example.com"))
        frozen = sources.get(KEY)
        assert frozen.ingress == before.ingress
        assert "a.yaml and b.yaml" in str(frozen.faults[0])

        (root / "a.yaml").unlink()
        after = sources.get(KEY)
        assert (after.uid, after.faults) == (before.uid, ())
        assert after.ingress.hosts == ("new.example.com",)

    def test_of_two_new_ones_none_is_taken(self, root, sources):
        """There is no saying which one is meant."""
        write(root / "a.yaml", ingress())
        write(root / "b.yaml", ingress(host="new.example.com"))

        assert sources.get(KEY) is None
        assert "stands more than once" in str(sources.faults()[0])

    def test_a_document_put_back_waits_until_the_old_one_is_gone(self, root, sources):
        """A deletion cannot be undone; then a new object begins."""
        write(root / "a.yaml", ingress())
        first = sources.set_finalizers(sources.get(KEY), [FINALIZER])
        (root / "a.yaml").unlink()
        sources.get(KEY)
        write(root / "a.yaml", ingress())
        going = sources.get(KEY)
        assert (going.deleting, going.uid) == (True, first.uid)

        sources.set_finalizers(going, [])
        again = sources.get(KEY)
        assert not again.deleting
        assert again.uid != first.uid

    def test_hidden_and_other_files_are_left_out(self, root, sources):
        """Editors' files, notes and members' own objects are no sources."""
        write(root / ".a.yaml", ingress())
        write(root / "a.yaml.bak", ingress())
        write(root / ".git" / "a.yaml", ingress())
        write(
            root / "d.yaml",
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}},
        )

        assert sources.get(KEY) is None
        assert sources.faults() == ()

    def test_json_and_lists_are_read(self, root, sources):
        """A List in a JSON file is its items."""
        body = {"apiVersion": "v1", "kind": "List", "items": [ingress(), ingress(name="other")]}
        (root / "a.json").write_text(json.dumps(body, indent="\t"), encoding="utf-8")

        assert sources.get(KEY) is not None
        assert sources.get(OTHER) is not None

    def test_hostile_names_touch_no_other_file(self, root, sources):
        """A name that is a path is a fault, and nothing is written outside."""
        write(root / "a.yaml", {**ingress(), "metadata": {"name": "../../../evil"}})
        write(root / "b.yaml", {**ingress(), "metadata": {"name": "x", "namespace": "../up"}})
        before = sorted(path.name for path in root.parent.rglob("*evil*"))

        assert [fault.field for fault in sources.faults()] == [
            "metadata.name",
            "metadata.namespace",
        ]
        assert before == sorted(path.name for path in root.parent.rglob("*evil*")) == []

    def test_an_old_api_version_is_told(self, root, sources):
        """`extensions/v1beta1` is refused with what to write instead."""
        write(root / "a.yaml", {**ingress(), "apiVersion": "extensions/v1beta1"})
        assert "write networking.k8s.io/v1" in str(sources.faults()[0])

    def test_faults_tell_the_document(self, root, sources):
        """A spec that does not decode is a source with faults that name file and document."""
        write(root / "all.yaml", ingress_class(), ingress(host="UPPER.example.com"))
        found = sources.get(KEY)
        assert found.ingress is None
        assert str(found.faults[0]).startswith("all.yaml#2: spec.rules[0].host: 'UPPER")
        assert found.faults == tuple(sources.faults())

    def test_a_directory_without_folder_is_unavailable(self, tmp_path, clock):
        """A directory that is not there is an error, not an empty one."""
        with pytest.raises(Unavailable):
            DirectorySources(tmp_path / "missing", clock).list()

    def test_a_file_that_is_too_large_is_not_a_deletion(self, root, sources):
        """It is not even read."""
        write(root / "a.yaml", ingress())
        sources.get(KEY)
        (root / "a.yaml").write_text("#" * (SIZE_LIMIT + 1), encoding="utf-8")
        found = sources.get(KEY)
        assert "is larger than 4 MiB" in str(found.faults[0])
        assert not found.deleting

    def test_faults_of_every_kind_are_told(self, root, sources):
        """Classes, policies, members and Ingresses, with their files."""
        bad_class = ingress_class(name="bad")
        bad_class["spec"]["parameters"]["kind"] = "Other"
        write(root / "class.yaml", bad_class, ingress_class())
        write(root / "policy.yaml", policy(topology="x"))
        write(root / "member.yaml", profile(server="http://x"))
        write(
            root / "shop.yaml", ingress(host="A"), ingress(name="b", class_name="nginx", host="B")
        )
        found = [str(fault) for fault in sources.faults()]
        assert [text.partition(":")[0] for text in found] == [
            "class.yaml#1",
            "member.yaml",
            "policy.yaml",
            "shop.yaml#1",
        ]
