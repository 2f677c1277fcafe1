"""The home on Google Cloud of the local cloud, against what Terraform declares for the real one."""

import asyncio

import pytest

from localcloud.homes import topics
from localcloud.homes.servers import PubSub
from tests.deploy import manifest, terraform

PROJECT, NAME = terraform.PROJECT, "fedingress-"
PUSHER = f"{NAME}pusher@{PROJECT}.iam.gserviceaccount.com"
DOORS = {name: f"http://127.0.0.1:9/{name}" for name in manifest.FUNCTIONS}


@pytest.fixture
def made(tmp_path):
    """The subscriptions that the local home makes, by name."""

    async def make():
        server = PubSub(tmp_path / "pubsub.log")
        await server.up()
        try:
            await asyncio.to_thread(topics.create, server.endpoint, PROJECT, PUSHER, DOORS)
            return await asyncio.to_thread(_listed, server.endpoint)
        finally:
            await server.close()

    return asyncio.run(make())


def _listed(endpoint):
    with topics._clients(endpoint) as (_, subscriber):
        found = list(subscriber.list_subscriptions(project=f"projects/{PROJECT}"))
    return {each.name.rpartition("/")[2]: each for each in found}


def test_the_local_home_has_terraform_s_subscriptions(made, tmp_path):
    """The same ways to the same doors, with the same filters, patience and identity of pushes."""
    told = terraform.evaluated(tmp_path, "deliveries", "ack_seconds", "email", "topics")
    pushes = {name: each for name, each in made.items() if each.push_config.push_endpoint}
    dead = told["topics"]["dead_letters"].removeprefix(NAME)

    assert {
        name: (
            each.topic.rpartition("/")[2],
            each.push_config.push_endpoint.rpartition("/")[2],
            each.filter or None,
        )
        for name, each in pushes.items()
    } == {
        name.removeprefix(NAME): (
            each["topic"].removeprefix(NAME),
            each["door"],
            each["filter"],
        )
        for name, each in told["deliveries"].items()
    }
    assert set(made) - set(pushes) == {dead}
    for each in pushes.values():
        assert each.ack_deadline_seconds == told["ack_seconds"]
        assert each.push_config.oidc_token.service_account_email == told["email"]["pusher"]
        assert each.dead_letter_policy.dead_letter_topic.endswith(f"/topics/{dead}")
