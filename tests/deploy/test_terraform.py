"""
The home on Google Cloud as Terraform declares it, against the functions and what they need.

Aspects: form; every reference leads somewhere; functions, subscriptions and settings as the doors
want them; the order of waiting times; who may do what; names that Google takes.
"""

import json
import re
import subprocess

import pytest

from fedingress.domain.errors import Untrusted
from fedingress.planning.publishing import way
from fedingress.runtime.settings import read
from tests.deploy import manifest, terraform

PULLED = ("settings", "deliveries", "subscriptions", "memory", "email", "doors", "concerns")
SECONDS = ("lease_seconds", "function_seconds", "ack_seconds")
RIGHTS = ("grants", "roles", "secret_readers", "to_member", "permissions", "ingress")
FILES = terraform.parsed()
RESOURCES = terraform.labelled(FILES["resource"])
DATA = terraform.labelled(FILES["data"])


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What Terraform finds for a small installation."""
    return terraform.evaluated(
        tmp_path_factory.mktemp("terraform"), *PULLED, *SECONDS, *RIGHTS, aws_role=""
    )


class TestForm:
    """The files by themselves."""

    def test_they_are_formatted(self):
        """As `terraform fmt` would write them."""
        done = terraform.run("fmt", "-check", "-recursive")

        assert done.returncode == 0, done.stdout

    def test_every_variable_is_declared_explained_and_used(self):
        """And none is declared for nothing."""
        declared = terraform.named(FILES["variable"])
        used = _references(r"var\.(\w+)")

        assert set(declared) == used
        assert [name for name, body in declared.items() if "description" not in body] == []

    def test_every_local_is_declared_and_used(self):
        """A misspelt one would be found by the cloud only."""
        declared = {name for each in FILES["locals"] for name in each if name[0] != "_"}

        assert declared == _references(r"local\.(\w+)")

    def test_every_reference_leads_to_a_resource(self):
        """Of this folder; and what is asked of Google as data is used."""
        assert _references(r"(?<!data\.)\b((?:google|archive)_\w+\.\w+)") <= set(RESOURCES)
        assert _references(r"data\.(\w+\.\w+)") == set(DATA)

    def test_every_provider_is_named(self):
        """Each resource begins with the name of one that is required."""
        required = {name for each in FILES["terraform"] for name in each["required_providers"][0]}
        used = {name.partition("_")[0] for name in (*RESOURCES, *DATA)}

        assert used == required - {"__is_block__"}

    def test_the_example_is_taken(self, tmp_path):
        """The file that people copy has the variables that there are, and passes their checks."""
        with (terraform.FOLDER / "example.tfvars").open(encoding="utf-8") as file:
            given = [name for name in terraform.hcl2.load(file) if name[0] != "_"]

        assert set(given) <= set(terraform.named(FILES["variable"]))
        for each in ("variables.tf", "example.tfvars"):
            (tmp_path / each).write_bytes((terraform.FOLDER / each).read_bytes())
        terraform.run("init", "-input=false", cwd=tmp_path)
        done = terraform.run(
            *("plan", "-input=false", "-no-color", "-var-file=example.tfvars"),
            *("-var=project=shop-prod", "-var=region=us-central1"),
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr


class TestFunctions:
    """What is deployed is what is in `functions/`."""

    def test_each_function_is_deployed_once(self, told):
        """By its name, from its staged folder, with the door for Google Cloud."""
        function = RESOURCES["google_cloudfunctions2_function.door"]
        source = DATA["archive_file.staged"]["source_dir"]

        assert set(told["doors"]) == manifest.FUNCTIONS
        assert function["for_each"] == source_for(DATA) == "${local.doors}"
        assert function["build_config"][0]["entry_point"] == '"on_push"'
        assert source == '"${path.module}/${var.staged}/${each.key}"'

    def test_each_function_gets_settings_that_it_takes(self, told):
        """All that it needs, none that does not exist, all of the right form."""
        for name, settings in told["settings"].items():
            found = read(settings)
            missing = {each for each in manifest.EVERYWHERE if not getattr(found, each)}

            assert set(settings) <= manifest.VARIABLES
            assert (name, missing) == (name, set())
            assert found.store == "firestore:shop-prod/fedingress-state"
            assert found.bus == "pubsub:shop-prod/fedingress-work"
            assert found.tokens == "platform"

    def test_each_door_takes_calls_of_one_identity(self, told):
        """Events of the pusher, ticks of the scheduler; for repair the platform's word counts."""
        callers = {
            name: each.get("FEDINGRESS_CALLERS", "") for name, each in told["settings"].items()
        }
        expected = dict.fromkeys(manifest.EVENTS, told["email"]["pusher"])

        assert callers == {**expected, "tick": told["email"]["scheduler"], "repair": ""}
        assert {n for n, each in told["ingress"].items() if each == "ALLOW_ALL"} == {"repair"}

    def test_what_carries_compute_engine_has_room_for_it(self, told):
        """Its client alone takes 147 MB; the rest makes do with half."""
        large = {name for name, memory in told["memory"].items() if memory == "1Gi"}

        assert set(told["memory"]) == manifest.FUNCTIONS
        assert large == manifest.carries("gce", "gcp")

    def test_a_role_of_aws_goes_where_amazon_is_asked(self, tmp_path):
        """And nowhere else."""
        arn = "arn:aws:iam::123456789012:role/fedingress"
        settings = terraform.evaluated(tmp_path, "settings", aws_role=arn)["settings"]

        having = {name for name, each in settings.items() if "FEDINGRESS_AWS_ROLE" in each}
        assert having == manifest.carries("eks", "gcp") | manifest.carries("amazon", "gcp")
        assert read(settings["fanout"]).aws_role == arn


class TestBus:
    """Two topics, and a push subscription for each way to a door."""

    def test_each_concern_has_its_part_of_the_work(self, told):
        """By the attribute that the bus writes."""
        work = {
            each["door"]: each["filter"]
            for each in told["deliveries"].values()
            if each["topic"] == "fedingress-work"
        }

        assert work == {name: f'attributes.concern = "{name}"' for name in manifest.EVENTS}

    def test_only_fan_out_hears_of_changes(self, told):
        """Unfiltered: what asks for more is refused and counted, not lost."""
        changes = [e for e in told["deliveries"].values() if e["topic"] == "fedingress-changes"]

        assert [(each["door"], each["filter"]) for each in changes] == [("fanout", None)]

    def test_a_door_knows_each_way_to_it_and_no_other(self, told):
        """By the subscription that a push names; a door without changes takes none."""
        for name, delivery in told["deliveries"].items():
            via = told["subscriptions"][name]
            for door in manifest.FUNCTIONS:
                settings = read(told["settings"][door])
                known = {"work": {settings.work} - {""}, "changes": {settings.changes} - {""}}
                if door == delivery["door"]:
                    expected = "changes" if "changes" in delivery["topic"] else "work"
                    assert way(via, **known) == expected
                else:
                    with pytest.raises(Untrusted):
                        way(via, **known)

    def test_a_push_proves_who_pushes_and_for_whom(self):
        """The token's audience is the door that is called, as Cloud Run demands."""
        for body, endpoint in (
            (RESOURCES["google_pubsub_subscription.push"]["push_config"][0], "push_endpoint"),
            (RESOURCES["google_cloud_scheduler_job.tick"]["http_target"][0], "uri"),
        ):
            assert body["oidc_token"][0]["audience"] == body[endpoint]

    def test_a_push_that_fails_is_tried_again_then_kept(self):
        """With growing pauses; after ten times it is a dead letter, which is kept and told."""
        push = RESOURCES["google_pubsub_subscription.push"]
        alert = json.dumps(RESOURCES["google_monitoring_alert_policy.dead_letters"])

        assert push["retry_policy"][0]["minimum_backoff"] == '"10s"'
        assert push["retry_policy"][0]["maximum_backoff"] == '"600s"'
        assert push["dead_letter_policy"][0]["max_delivery_attempts"] == 10
        assert "google_pubsub_subscription.dead_letters.name" in alert
        assert "pubsub.googleapis.com/subscription/num_undelivered_messages" in alert

    def test_each_wait_is_longer_than_the_one_it_encloses(self, told):
        """A call, a run's lease, the function, the acknowledgement; the last as long as can be."""
        lease, function, acknowledgement = (told[name] for name in SECONDS)

        assert manifest.CALL_SECONDS < lease < function < acknowledgement <= 600
        assert {read(each).lease_seconds for each in told["settings"].values()} == {lease}
        service = RESOURCES["google_cloudfunctions2_function.door"]["service_config"][0]
        assert service["timeout_seconds"] == "${local.function_seconds}"
        push = RESOURCES["google_pubsub_subscription.push"]
        assert push["ack_deadline_seconds"] == "${local.ack_seconds}"


class TestRights:
    """Nobody may do more than it does."""

    def test_each_concern_has_its_own_rights_and_repair_has_all(self, told):
        """In the projects that are named for it, or in this one."""
        granted = {(each["door"], each["role"]) for each in told["grants"].values()}
        concerns = set(told["permissions"]) - {"state"}

        assert granted == {
            (door, f"{concern}/shop-prod") for concern in concerns for door in (concern, "repair")
        }
        assert concerns == {"fanout", "backends", "dns"}

    def test_projects_are_granted_one_by_one(self, tmp_path):
        """A role of a project counts in that project only, so each has one."""
        roles = terraform.evaluated(tmp_path, "roles", dns_projects=["zones-a", "zones-b"])["roles"]

        assert {name for name in roles if name.startswith("dns/")} == {"dns/zones-a", "dns/zones-b"}

    def test_members_secrets_are_read_by_those_who_reach_members(self, tmp_path):
        """Each secret by itself."""
        secret = "projects/shop-prod/secrets/rack"
        told = terraform.evaluated(tmp_path, "to_member", "secret_readers", member_secrets=[secret])

        assert set(told["to_member"]) == manifest.carries("gke", "gcp")
        readers = {(each["secret"], each["door"]) for each in told["secret_readers"].values()}
        assert readers == {(secret, door) for door in told["to_member"]}

    def test_no_predefined_role_is_granted_on_a_whole_project(self):
        """Only the right to write the builder's logs, which cannot be had smaller."""
        wide = {
            name: body["role"]
            for name, body in RESOURCES.items()
            if name.startswith("google_project_iam_member.") and '"roles/' in body["role"]
        }

        assert wide == {"google_project_iam_member.builder": '"roles/logging.logWriter"'}
        assert "condition" in RESOURCES["google_project_iam_member.state"]

    def test_topics_have_no_other_publishers(self):
        """Bindings, not members: whoever else was let in there is put out again."""
        bound = {n for n in RESOURCES if n.startswith("google_pubsub_topic_iam_")}

        assert bound == {
            f"google_pubsub_topic_iam_binding.{name}"
            for name in ("changes", "dead_letters", "work")
        }


class TestNames:
    """What Google takes for a name."""

    @pytest.mark.parametrize("name", ["fed", "Fedingress", "9ingress", "fedingress-", "a" * 17])
    def test_a_name_that_google_refuses_is_refused_before(self, tmp_path, name):
        """With the reason."""
        with pytest.raises(AssertionError, match="16 lower-case letters"):
            terraform.evaluated(tmp_path, "email", name=name)

    def test_the_longest_name_fits_everywhere(self, tmp_path):
        """Accounts have at most 30 characters, and the database and topics pass our own checks."""
        told = terraform.evaluated(tmp_path, "email", "settings", name="a" * 16)

        accounts = [email.partition("@")[0] for email in told["email"].values()]
        assert max(map(len, [*accounts, f"{'a' * 16}-builder"])) <= 30
        assert all(read(each) for each in told["settings"].values())


def test_the_state_has_the_indexes_of_the_emulator_s_file():
    """One file says which fields have none, for the store's tests and for the cloud."""
    field = RESOURCES["google_firestore_field.unindexed"]
    kept = json.loads((terraform.FOLDER / "firestore.indexes.json").read_text(encoding="utf-8"))

    assert "firestore.indexes.json" in json.dumps(field["for_each"])
    assert kept["indexes"] == []  # one that is composed would need a resource of its own
    assert all(each["indexes"] == [] for each in kept["fieldOverrides"])


def test_a_stray_reference_is_noticed(tmp_path):
    """The checks of this file can fail."""
    (tmp_path / "a.tf").write_text('output "a" { value = google_x.gone.id }\n', encoding="utf-8")
    stray = terraform.parsed(tmp_path)

    assert _references(r"\b(google_\w+\.\w+)", stray) == {"google_x.gone"}


def source_for(data):
    """What the staged folders are made for."""
    return data["archive_file.staged"]["for_each"]


def _references(pattern, files=FILES):
    return {found for text in terraform.expressions(files) for found in re.findall(pattern, text)}


def test_terraform_is_what_cloud_build_runs():
    """The version here satisfies the files, as that of the build does; newer ones are welcome."""
    done = terraform.run("version", "-json")
    if done.returncode:
        raise subprocess.SubprocessError(done.stderr)
    found = tuple(map(int, json.loads(done.stdout)["terraform_version"].split(".")[:2]))
    (wanted,) = (each["required_version"] for each in FILES["terraform"])

    assert found >= tuple(map(int, wanted.strip('">= ').split(".")[:2]))
