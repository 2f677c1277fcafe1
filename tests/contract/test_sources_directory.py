"""The port `Sources` over a directory of YAML: the shared contract, and what only files can do."""

import base64
import json
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from fedingress.adapters.directory import DirectorySources
from fedingress.adapters.directory.documents import SIZE_LIMIT
from fedingress.domain.errors import Conflict, Forbidden, Invalid, Unavailable
from fedingress.domain.ingress import IngressKey
from fedingress.ports.sources import Notice, StatusWrite, Tombstone
from tests.contract.sources_suite import (
    FINALIZER,
    KEY,
    Desk,
    SourcesSuite,
    ingress,
    ingress_class,
    policy,
)

OTHER = IngressKey(namespace="shop", name="other")


class StillClock:
    """Time that only sleeping moves; *on_sleep* is what happens meanwhile."""

    def __init__(self):
        self.time = 1_700_000_000.0
        self.slept = []
        self.on_sleep = lambda: None

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds
        self.slept.append(seconds)
        self.on_sleep()


@pytest.fixture
def clock():
    return StillClock()


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "sources"
    path.mkdir()
    return path


@pytest.fixture
def sources(root, clock):
    return DirectorySources(root, clock)


def write(path, *manifests):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")


def token_secret(**fields):
    meta = {"name": "gke-us-token", "namespace": "inventory"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, **fields}


def profile(name="gke-us", namespace="inventory", server="https://127.0.0.1:6443"):
    return {
        "apiVersion": "multicluster.x-k8s.io/v1alpha1",
        "kind": "ClusterProfile",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterManager": {"name": "fedingress"}},
        "status": {
            "accessProviders": [{"name": "fedingress-token", "cluster": {"server": server}}]
        },
    }


class TestDirectory(SourcesSuite):
    @pytest.fixture
    def desk(self, root, sources):
        def path(kind, namespace, name):
            return root / (namespace or "cluster") / f"{kind.lower()}-{name}.yaml"

        def put(manifest):
            meta = manifest["metadata"]
            write(path(manifest["kind"], meta.get("namespace", ""), meta["name"]), manifest)

        return Desk(
            port=sources,
            put=put,
            remove=lambda *parts: path(*parts).unlink(),
            break_down=lambda: root.rename(root.with_name("moved")),
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


class TestMembers:
    """Inventory and tokens."""

    def test_members_and_their_faults(self, root, sources):
        """Readable ones are listed; unreadable ones are named, also a name that stands twice."""
        write(
            root / "members.yaml",
            profile(),
            profile(name="http", server="http://127.0.0.1:1"),
            profile(name="twice"),
            profile(name="twice", namespace="elsewhere"),
        )
        inventory = sources.inventory()

        assert [member.name for member in inventory.members] == ["gke-us"]
        assert inventory.members[0].access.token_secret == "inventory/gke-us-token"
        assert inventory.unreadable == ("http", "twice")
        assert any("members.yaml#2" in fault and "https" in fault for fault in inventory.faults)

    def test_an_unparsable_file_freezes_its_members(self, root, sources):
        """They stay members, and the fault is told."""
        write(root / "members.yaml", profile())
        sources.inventory()
        (root / "members.yaml").write_text("{", encoding="utf-8")
        inventory = sources.inventory()

        assert [member.name for member in inventory.members] == ["gke-us"]
        assert inventory.faults

    @pytest.mark.parametrize(
        "fields",
        [
            {"stringData": {"token": "sesame\n"}},
            {"data": {"token": base64.b64encode(b"sesame").decode()}},
        ],
        ids=["plain", "base64"],
    )
    def test_tokens_come_from_secrets(self, root, sources, fields):
        """In either form; and they are not kept in the state folder."""
        write(root / "s.yaml", token_secret(**fields))
        assert sources.token("inventory/gke-us-token") == "sesame"
        kept = (root / ".fedingress").rglob("*")
        assert not [path for path in kept if path.is_file() and "sesame" in path.read_text()]

    @pytest.mark.parametrize("fields", [{"data": {"token": "%"}}, {"data": {"token": 1}}, {}])
    def test_a_token_that_does_not_decode_is_missing(self, root, sources, fields):
        """Garbage is never sent as a credential."""
        write(root / "s.yaml", token_secret(**fields))
        with pytest.raises(Forbidden):
            sources.token("inventory/gke-us-token")

    def test_a_missing_token_is_told(self, root, sources):
        """Forbidden says which Secret; while a file cannot be read it is only unavailable."""
        with pytest.raises(Forbidden, match="inventory/gke-us-token"):
            sources.token("inventory/gke-us-token")
        (root / "s.yaml").write_text("{", encoding="utf-8")
        with pytest.raises(Unavailable):
            sources.token("inventory/gke-us-token")

    def test_a_token_outlives_a_bad_edit(self, root, sources):
        """As every object does."""
        write(root / "s.yaml", token_secret(stringData={"token": "sesame"}))
        sources.token("inventory/gke-us-token")
        (root / "s.yaml").write_text("{", encoding="utf-8")
        assert sources.token("inventory/gke-us-token") == "sesame"


def test_the_default_class_and_the_annotation_of_old(root, sources):
    """An Ingress without a class is of the default one; the legacy annotation names one, too."""
    plain = ingress()
    del plain["spec"]["ingressClassName"]
    legacy = ingress(name="other", **{"kubernetes.io/ingress.class": "nginx"})
    del legacy["spec"]["ingressClassName"]
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    write(root / "a.yaml", plain, legacy, policy(), ingress_class(**default))

    assert [source.key for source in sources.list()] == [KEY]
    assert sources.policy(sources.get(KEY)).policy is not None
    assert not sources.policy(sources.get(OTHER)).federated


def test_a_directory_has_no_identity(sources):
    """It is no cluster, so no member is it."""
    assert sources.identity() == ""


def test_an_unchanged_directory_is_cheap(root, sources):
    """With 500 Ingresses in files of their own, a further get parses and writes nothing."""
    for number in range(500):
        write(root / f"{number}.yaml", ingress(name=f"shop-{number}"))
    keys = [IngressKey(namespace="shop", name=f"shop-{number}") for number in range(500)]
    assert sources.get(keys[0]) is not None
    started = time.monotonic()
    found = [sources.get(key) for key in keys[:50]]
    each = (time.monotonic() - started) / 50
    print(f"get among 500 unchanged Ingresses: {each * 1000:.1f} ms")

    assert all(found)
    assert each < 0.1
