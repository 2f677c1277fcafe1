import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fedingress.adapters.directory import DirectorySources
from fedingress.domain.errors import Conflict, Invalid, Unavailable
from fedingress.domain.ingress import IngressKey
from fedingress.ports.sources import Notice, StatusWrite, Tombstone
from tests.adapters.directory.desk import write
from tests.contract.sources_suite import (
    FINALIZER,
    KEY,
    ingress,
    ingress_class,
    policy,
)


class TestKept:
    """What stands in `.fedingress` survives, and is shared."""

    def test_another_process_sees_the_same_objects(self, root, clock, sources):
        """Uid, finalizers, status and events are there after a restart, and while both run."""
        write(root / "a.yaml", ingress_class(), ingress())
        held = sources.set_finalizers(sources.get(KEY), [FINALIZER])
        sources.write_status(
            held, StatusWrite(addresses=("127.9.0.1",), annotations={"fedingress.dev/x": "1"})
        )
        sources.notify(held, Notice(type="Normal", reason="Placed", message="in gke-us"))
        other = DirectorySources(root, clock)
        assert other.get(KEY) == sources.get(KEY)
        assert [event.reason for event in other.events(held)] == ["Placed"]

        other.set_finalizers(other.get(KEY), [])
        assert sources.get(KEY).finalizers == ()
        with pytest.raises(Conflict):
            sources.set_finalizers(held, [])

    def test_a_deletion_while_nothing_ran_is_seen(self, root, clock, sources):
        """The kept manifest tells what must be undone."""
        write(root / "a.yaml", ingress())
        sources.set_finalizers(sources.get(KEY), [FINALIZER])
        (root / "a.yaml").unlink()
        found = DirectorySources(root, clock).get(KEY)

        assert found.deleting
        assert found.ingress.hosts == ("shop.example.com",)

    def test_an_unparsable_file_after_a_restart_is_not_a_deletion(self, root, clock, sources):
        """Classes and policies stay as they were, too."""
        write(root / "all.yaml", policy(), ingress_class(), ingress())
        sources.get(KEY)
        (root / "all.yaml").write_text("{", encoding="utf-8")
        other = DirectorySources(root, clock)
        answer = other.policy(other.get(KEY))

        assert not other.get(KEY).deleting
        assert answer.policy is not None

    def test_losing_what_is_kept_is_not_losing_the_objects(self, root, sources):
        """While in use, a state folder that vanishes is an error."""
        write(root / "a.yaml", ingress())
        sources.get(KEY)
        shutil.rmtree(root / ".fedingress" / "objects")
        with pytest.raises(Unavailable):
            sources.get(KEY)

    def test_a_damaged_record_is_an_error(self, root, clock, sources):
        """Half a record is never read as no object."""
        write(root / "a.yaml", ingress())
        sources.get(KEY)
        (record,) = (root / ".fedingress" / "objects").rglob("shop.json")
        record.write_text('{"kind": "Ingress"', encoding="utf-8")
        with pytest.raises(Unavailable):
            DirectorySources(root, clock).get(KEY)

    def test_a_state_folder_that_cannot_be_is_an_error(self, root, clock):
        """Where a file stands in its place, nothing is read or written, and it is told."""
        write(root / "a.yaml", ingress())
        (root / ".fedingress").write_text("", encoding="utf-8")
        with pytest.raises(Unavailable, match="lock cannot be opened"):
            DirectorySources(root, clock).get(KEY)

    @pytest.mark.parametrize("folder", ["objects", "events", "tombstones"])
    def test_what_cannot_be_written_is_an_error(self, root, sources, folder):
        """A full or bent disk is told, and leaves no half file behind."""
        write(root / "a.yaml", ingress())
        source = None if folder == "objects" else sources.get(KEY)
        blocked = root / ".fedingress" / folder
        blocked.parent.mkdir(exist_ok=True)
        blocked.write_text("", encoding="utf-8")
        act = {
            "objects": lambda: sources.get(KEY),
            "events": lambda: sources.notify(
                source, Notice(type="Normal", reason="Placed", message="")
            ),
            "tombstones": lambda: sources.put_tombstone(
                Tombstone(key=KEY, uid="u", cluster="c", since=1.0)
            ),
        }
        with pytest.raises(Unavailable):
            act[folder]()
        assert [path for path in root.rglob(".*") if path.name != ".fedingress"] == []

    def test_damaged_events_are_an_error(self, root, sources):
        """They are not overwritten as if there were none."""
        write(root / "a.yaml", ingress())
        notice = Notice(type="Normal", reason="Placed", message="")
        sources.notify(sources.get(KEY), notice)
        (record,) = (root / ".fedingress" / "events").glob("*.json")
        record.write_text("[", encoding="utf-8")
        with pytest.raises(Unavailable):
            sources.notify(sources.get(KEY), notice)

    def test_names_of_any_length_are_kept(self, root, sources):
        """Longer than a file name may be, and equal for their first 200 characters."""
        names = ["a" * 250 + end for end in "xyz"]
        write(root / "a.yaml", *[ingress(name=name) for name in names])
        found = [sources.get(IngressKey(namespace="shop", name=name)) for name in names]
        assert len({source.uid for source in found}) == 3

    def test_concurrent_writers_lose_nothing(self, root, clock):
        """Of many guarded writes on one version exactly one succeeds, over several openings."""
        write(root / "a.yaml", ingress())
        first = DirectorySources(root, clock).get(KEY)
        barrier = threading.Barrier(8)

        def attempt(_):
            mine = DirectorySources(root, clock)
            barrier.wait(timeout=10)
            try:
                mine.set_finalizers(first, [FINALIZER])
            except Conflict:
                return 0
            return 1

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(8))) == 1

    def test_no_finalizer_is_added_to_what_goes(self, root, sources):
        """As an API server says."""
        write(root / "a.yaml", ingress())
        sources.set_finalizers(sources.get(KEY), [FINALIZER])
        (root / "a.yaml").unlink()
        with pytest.raises(Invalid):
            sources.set_finalizers(sources.get(KEY), [FINALIZER, "more.fedingress.dev"])

    def test_events_are_bounded_and_recorded_once(self, root, sources):
        """The oldest go first; the same cause stands once; they go with their source."""
        write(root / "a.yaml", ingress())
        source = sources.set_finalizers(sources.get(KEY), [FINALIZER])
        for number in [*range(120), 119]:
            sources.notify(source, Notice(type="Normal", reason="N", message=str(number)))
        assert [event.message for event in sources.events(source)] == [
            str(number) for number in range(20, 120)
        ]

        (root / "a.yaml").unlink()
        sources.set_finalizers(sources.get(KEY), [])
        assert list(sources.events(source)) == []

    def test_left_over_server_fields_are_ignored(self, root, sources):
        """A manifest saved from a cluster brings no uid, finalizer, status or conditions along."""
        manifest = ingress(**{"fedingress.dev/conditions": "[]", "mine": "1"})
        manifest["metadata"] |= {"uid": "theirs", "finalizers": ["x"], "resourceVersion": "9"}
        write(
            root / "a.yaml",
            {**manifest, "status": {"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}}},
        )
        found = sources.get(KEY)

        assert found.uid != "theirs"
        assert found.finalizers == ()
        assert found.annotations == {"mine": "1"}
        assert found.manifest["status"] == {"loadBalancer": {}}
