"""
A shared VPC whose host project is closed to us: what the condition says is run by its owner.

By `gcloud` where it is installed, else the same words through google-cloud-compute; both with a
token of the host project's owner, which the product has not.
"""

import argparse
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from google.cloud import compute_v1
from google.oauth2.credentials import Credentials

from fedingress.domain.graph import Kind
from tests.functions.test_life import conditions
from tests.functions.world import member
from tests.gce.world import GOOD, PROJECT, GceWorld, gce_world, serve

pytestmark = pytest.mark.wire

HOST = "host-1"
SHARED = f"projects/{HOST}/global/networks/shared"
UNIT = f"firewall:{HOST}/shared"
MEMBERS = (
    member("gke-us"),
    member("gke-eu", region="europe-west1", zones=("europe-west1-b",), network=SHARED),
)
GCLOUD = shutil.which("gcloud")


def owner(world: GceWorld) -> str:
    """A fresh token of the host project's owner; the world's hours pass quickly."""
    token: str = world.running.do(lambda: world.cloud.access.issue(owner=True))
    return token


def by_gcloud(words: list[str], world: GceWorld, home: str) -> None:
    """As a person types it."""
    Path(home, "token").write_text(owner(world))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "NO_PROXY": "127.0.0.1",
        "CLOUDSDK_CONFIG": home,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": f"{home}/token",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{world.running.endpoint}/compute/v1/",
    }
    ran = subprocess.run(
        words, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr


def by_client(words: list[str], world: GceWorld, _home: str) -> None:
    """The same through Google's client."""
    assert words[:4] == ["gcloud", "compute", "firewall-rules", "create"]
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("name")
    for option in ("project", "source-ranges", "rules", "description", "network", "direction"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--action", choices=["allow"], required=True)
    said = parser.parse_args(words[4:])
    body = compute_v1.Firewall(
        name=said.name,
        description=said.description,
        network=f"projects/{said.project}/global/networks/{said.network}",
        direction=said.direction,
        source_ranges=said.source_ranges.split(","),
        allowed=[compute_v1.Allowed(I_p_protocol=said.rules)],
    )
    rules(world).insert_unary(project=said.project, firewall_resource=body)


def rules(world: GceWorld) -> compute_v1.FirewallsClient:
    """Google's client of firewall rules, with the owner's token."""
    options = {"api_endpoint": world.running.endpoint}
    return compute_v1.FirewallsClient(credentials=Credentials(owner(world)), client_options=options)


def close(world: GceWorld, *verbs: str) -> None:
    """The host project lets nobody but its owner do that to firewall rules."""
    world.deny(*(f"projects/{HOST}:compute.firewalls.{verb}" for verb in verbs))


def look(world: GceWorld) -> dict[str, str]:
    """Degraded, after the network was looked at again."""
    world.tell("backends", UNIT, "repair")
    world.settle(within_seconds=120)
    found: dict[str, str] = conditions(world)["Degraded"]
    return found


@pytest.mark.parametrize(
    "run",
    [
        by_client,
        pytest.param(
            by_gcloud,
            marks=pytest.mark.skipif(GCLOUD is None, reason="gcloud is not installed"),
        ),
    ],
)
def test_its_owner_runs_the_command_that_was_told_and_all_is_well(run, tmp_path):
    """Told in full though nothing can be read there; seen and left alone once it can be."""
    with gce_world(members=MEMBERS) as world:
        world.running.do(lambda: world.cloud.create_network(HOST, "shared"))
        close(world, "list", "create")
        serve(world)
        told, verdicts = conditions(world)["Degraded"], world.verdicts()
        command = told["message"].partition("; run: ")[2]
        run(shlex.split(command), world, str(tmp_path))
        (made,) = rules(world).list(project=HOST)
        unseen = look(world)
        close(world, "create", "patch", "update", "delete")
        seen = look(world)
        (kept,) = rules(world).list(project=HOST)
        (own,) = world.see(Kind.FIREWALL)

        assert (told["reason"], verdicts["Programmed"]) == ("FirewallForbidden", "True")
        assert "compute.firewalls.list" in told["message"]
        assert f"gcloud compute firewall-rules create {made.name} --project={HOST} " in command
        assert unseen["reason"] == "FirewallForbidden"
        assert seen["status"] == "False"
        assert world.verdicts() == GOOD
        assert kept == made
        assert made.network.endswith(SHARED)
        assert list(made.source_ranges) == list(own.source_ranges)
        assert made.allowed == own.allowed
        assert own.self_link.split("/projects/")[1].startswith(f"{PROJECT}/")
        assert not [label for _, label in world.load_balancers.calls if label.startswith(HOST)]
