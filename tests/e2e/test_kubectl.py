"""What a person sees and does with kubectl alone; skipped, and said so, where there is none."""

import contextlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.homes import embedded
from tests.e2e.manifests import SHOP
from tests.e2e.shakes import shake
from tests.e2e.site import open_site
from tests.e2e.waiting import until

KUBECTL, GCLOUD = shutil.which("kubectl"), shutil.which("gcloud")
HOSTS = {"shop.example.com", "api.example.com"}
MEMBERS = ("gke-us", "gke-eu")

pytestmark = [
    pytest.mark.wire,
    pytest.mark.slow,
    pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed"),
]


class Person:
    """Somebody at a shell with the site's KUBECONFIG."""

    def __init__(self, site, home):
        self.site = site
        self.env = {**os.environ, **site.env, "HOME": str(home)}

    def kubectl(self, *words):
        """Standard output of kubectl, which must succeed."""
        done = subprocess.run(
            [str(KUBECTL), *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self, name):
        """What `fedingress status` says of one Ingress, as JSON and as text."""
        program = str(Path(sys.executable).parent / "fedingress")
        found = []
        for words in ((name, "-o", "json"), (name,)):
            done = subprocess.run(
                [program, "status", *words],
                env={**self.env, "COLUMNS": "400"},
                capture_output=True,
                text=True,
                timeout=90,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            found.append(done.stdout)
        return json.loads(found[0])[0], found[1]

    def watching(self, *words):
        """A running `kubectl get -w`, and the list that its lines grow in."""
        running = subprocess.Popen(
            [str(KUBECTL), *words], env=self.env, stdout=subprocess.PIPE, text=True
        )
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(running.stdout.readline, "")))
        reader.start()
        return running, reader, lines


@pytest.fixture(scope="module")
def person(tmp_path_factory):
    """A world in which only kubectl has done anything: members furnished, the shop applied."""
    spec = WorldSpec(members=members_from(",".join(MEMBERS)), operation_seconds=0.05)
    folder = tmp_path_factory.mktemp("kubectl")
    with open_site(spec) as site, embedded(site, folder / "store.sqlite"):
        found = Person(site, folder)
        for member in MEMBERS:
            place = ("--context", member, "apply", "--server-side")
            found.kubectl(*place, "-f", str(SHOP / "members.yaml"))
        found.kubectl("--context", "config", "apply", "--server-side", "-f", str(SHOP))
        site.until_served()
        yield found
        found.kubectl("--context", "config", "delete", "ingress", "shop", "-n", "shop")
        site.withdraw()


def test_there_is_a_context_for_each_cluster(person):
    """The config cluster comes first and is the current one."""
    names = person.kubectl("config", "get-contexts", "-o", "name").split()

    assert sorted(names) == ["config", "gke-eu", "gke-us"]
    assert person.kubectl("config", "current-context").strip() == "config"


def test_get_shows_the_address_at_home_and_the_copies_in_members(person):
    """ADDRESS stands on the source only; members have copies and companions beside the users'."""
    home = person.kubectl("get", "ingress", "-A", "--no-headers").split()
    listed = person.kubectl("--context", "gke-us", "get", "ingress,svc", "-A", "-o", "name").split()

    assert home[:3] == ["shop", "shop", "federated"]
    assert person.site.address() in home
    kinds = [name.rpartition("-fed-")[0] or name for name in listed]
    assert sorted(kinds) == [
        "ingress.networking.k8s.io/shop",
        "service/api",
        "service/api",
        "service/web",
        "service/web",
    ]


def test_describe_shows_conditions_the_table_and_events(person):
    """All that status wrote is in `kubectl describe ingress`."""
    text = person.kubectl("describe", "ingress", "shop", "-n", "shop")

    assert f"Address:          {person.site.address()}" in text
    for word in ("fedingress.dev/conditions", "fedingress.dev/cluster-status", "shop.example.com"):
        assert word in text
    events = text[text.index("Events:") :]
    assert "Normal   Programmed" in events
    assert "Published is True: api.example.com, shop.example.com" in events


def story(person):
    """What both tell of the shop; fails where one of them tells another story."""
    said, shown = person.status("shop/shop")
    described = person.kubectl("describe", "ingress", "shop", "-n", "shop")
    events = described[described.index("Events:") :]
    stands = json.loads(person.kubectl("get", "ingress", "shop", "-n", "shop", "-o", "json"))
    notes = stands["metadata"]["annotations"]  # which describe cuts after 140 characters

    assert said["addresses"] == [person.site.address()]
    assert f"Address:          {said['addresses'][0]}" in described
    for condition in said["conditions"]:
        line = rf"{condition['type']}\s+{condition['status']}\s+{condition['reason']}\s"
        assert re.search(line, shown), line
        assert condition["observedGeneration"] == stands["metadata"]["generation"]
        if condition["reason"] != "AsExpected":
            assert f"{condition['type']} is {condition['status']}: " in events
    for name, row in said["clusters"].items():
        assert re.search(rf"{name}\s+{row['state']}\s+{row['reason']}\s", shown)
    assert json.loads(notes["fedingress.dev/conditions"]) == said["conditions"]
    assert json.loads(notes["fedingress.dev/cluster-status"]) == said["clusters"]
    return said, events


def test_status_and_describe_tell_the_same_story_in_good_days_and_bad(person):
    """Of a world that is well, and of one whose member refuses us; the refusal is told once."""
    good, _ = story(person)
    site = person.site
    site.control.call("POST", "/clusters/gke-eu/api/refuse", {"status": 403})
    try:
        person.kubectl("annotate", "ingress", "shop", "-n", "shop", "story=told")
        until("the refusal to be told", lambda: site.table()["gke-eu"]["reason"] == "Forbidden")
        until("it to be shown", lambda: site.conditions()["Degraded"]["status"] == "True")
        bad, events = story(person)
    finally:
        site.control.call("POST", "/clusters/gke-eu/api/up")
        person.kubectl("annotate", "ingress", "shop", "-n", "shop", "story-")
    until("it to be well again", lambda: site.conditions()["Degraded"]["status"] == "False")

    degraded = {item["type"]: item for item in bad["conditions"]}["Degraded"]
    assert [item["status"] for item in good["conditions"]] == ["True", "True", "True", "False"]
    assert (degraded["reason"], bad["clusters"]["gke-eu"]["reason"]) == ("Forbidden", "Forbidden")
    assert len(re.findall(r"Warning\s+Forbidden", events)) == 1


def test_conditions_and_the_table_are_those_of_the_status_command(person):
    """Each condition names the generation it is about; every member has its row in both."""
    meta = json.loads(person.kubectl("get", "ingress", "shop", "-n", "shop", "-o", "json"))[
        "metadata"
    ]
    conditions = json.loads(meta["annotations"]["fedingress.dev/conditions"])
    rows = json.loads(meta["annotations"]["fedingress.dev/cluster-status"])
    command = [str(Path(sys.executable).parent / "fedingress"), "status", "shop", "-o", "json"]
    done = subprocess.run(command, env=person.env, capture_output=True, text=True, check=True)
    (told,) = json.loads(done.stdout)

    assert {each["observedGeneration"] for each in conditions} == {meta["generation"]}
    assert {each["type"]: each["status"] for each in conditions} == {
        each["type"]: each["status"] for each in told["conditions"]
    }
    assert set(rows) == set(MEMBERS) == set(told["clusters"])
    for name, row in rows.items():
        assert (row["state"], row["drained"]) == ("placed", False)
        assert row["healthy"] == row["endpoints"] == told["clusters"][name]["endpoints"] > 0


@pytest.mark.skipif(GCLOUD is None, reason="gcloud is not installed")
def test_gcloud_lists_the_load_balancer(person):
    """Another of Google's own clients finds rule, services, firewall and records."""

    def listed(*words):
        command = [str(GCLOUD), *words, "--format", "json"]
        done = subprocess.run(command, env=person.env, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    (rule,) = listed("compute", "forwarding-rules", "list", "--global")
    services = listed("compute", "backend-services", "list", "--global")
    (firewall,) = listed("compute", "firewall-rules", "list")
    records = listed("dns", "record-sets", "list", "--zone", "example-com", "--filter", "type=A")

    assert rule["IPAddress"] == person.site.address()
    assert [len(each["backends"]) for each in services] == [4, 4]
    assert sorted(firewall["targetTags"]) == ["gke-gke-eu-node", "gke-gke-us-node"]
    assert {each["name"].removesuffix(".") for each in records} == HOSTS


NOT_YET = 503


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_example_of_tls_does_what_it_says(person, tmp_path):
    """Its own commands make the Secret, and again rotate it within seconds."""
    folder = SHOP.parent / "tls"
    text = (folder / "shop.yaml").read_text(encoding="utf-8")
    commands = "\n".join(line[4:] for line in text.splitlines() if line.startswith("#   "))

    def run():
        script = ["sh", "-euc", commands]
        subprocess.run(script, env=person.env, cwd=tmp_path, capture_output=True, check=True)

    def shown():
        with contextlib.suppress(OSError, ssl.SSLError):
            trust = ssl.create_default_context(cafile=tmp_path / "tls.crt")
            port = int(person.env["LOCALCLOUD_HTTPS_PORT"])
            source = (person.site.visitor("us-central1").source, 0)
            address = person.site.address("secure")
            reply = shake(address, port, "secure.example.com", source=source, context=trust)
            return reply if reply.status != NOT_YET else None  # until a first probe succeeded
        return None

    run()
    person.kubectl("apply", "--server-side", "-f", str(folder))
    first = until("the certificate", shown, seconds=60.0)
    run()
    second = until("the new certificate", shown, seconds=30.0)
    person.kubectl("delete", "-f", str(folder / "shop.yaml"), "--timeout=60s")
    person.kubectl("delete", "-f", str(folder / "platform.yaml"))
    person.kubectl("delete", "secret", "secure-tls", "-n", "shop")

    assert (first.status, second.status) == (200, 200)
    assert first.serial != second.serial


def test_our_own_kinds_have_columns(person):
    """Policies, classes and members are readable without `-o yaml`."""
    policy = person.kubectl("get", "federationpolicies", "--no-headers").split()
    profiles = person.kubectl("get", "clusterprofiles", "-A", "--no-headers").splitlines()

    assert policy[:4] == ["shop", "gcp", "neg", "example.com"]
    assert [line.split()[1:4] for line in profiles] == [
        ["gke-eu", "cluster-manager", "True"],
        ["gke-us", "cluster-manager", "True"],
    ]


def test_applying_the_same_again_changes_nothing(person):
    """A second server-side apply of the folder is no new generation, and costs us no write."""
    before = person.site.source().metadata
    person.site.forget_calls()
    person.kubectl("apply", "--server-side", "-f", str(SHOP))
    after = person.site.source().metadata

    assert (after.generation, after.uid) == (before.generation, before.uid)
    assert person.site.calls() == 0


def test_get_watch_follows_a_second_ingress_to_its_address_and_end(person, tmp_path):
    """`kubectl get -w` prints the address when it comes; `kubectl delete` waits until we let go."""
    manifest = tmp_path / "second.yaml"
    text = (SHOP / "shop.yaml").read_text(encoding="utf-8").replace("example.com", "b.example.com")
    manifest.write_text(text.replace("  name: shop\n", "  name: second\n", 1), encoding="utf-8")
    running, reader, lines = person.watching("get", "ingress", "-n", "shop", "-w")
    try:
        until("the watch to begin", lambda: any(line.startswith("shop ") for line in lines))
        person.kubectl("apply", "--server-side", "-f", str(manifest))
        person.site.until_served("second")
        address = person.site.address("second")
        until(
            "the watch to print it",
            lambda: any(line.startswith("second ") and address in line for line in lines),
            say=lambda: lines,
        )
        person.kubectl("delete", "-f", str(manifest), "--timeout=60s")
    finally:
        running.terminate()
        running.wait(10)
        reader.join(10)
        running.stdout.close()

    assert lines[0].split()[:3] == ["NAME", "CLASS", "HOSTS"]
    assert address != person.site.address()
    assert person.site.source("second") is None
