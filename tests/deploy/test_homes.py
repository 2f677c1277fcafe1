"""
The two homes against each other and the functions: what one has, the other has in its own words.

Aspects: functions; settings; waiting times; ways to the doors; the clock; what the README says.
"""

import re
from pathlib import Path

import pytest

from fedingress.runtime.settings import Settings
from tests.deploy import manifest, template, terraform

ROOT = Path(__file__).parents[2]
TEMPLATE = template.read()
LAMBDAS = template.of_type(TEMPLATE, "AWS::Serverless::Function")
GLOBALS = TEMPLATE["Globals"]["Function"]
SHARED = GLOBALS["Environment"]["Variables"]
ROLES = "222222222222=arn:aws:iam::222222222222:role/dns#hush"
ONLY_GOOGLE = {
    "FEDINGRESS_WORK",  # on AWS the topic of the bus is one without being named
    "FEDINGRESS_TOKENS",  # Lambda's doors are not called over HTTP
    "FEDINGRESS_CALLERS",
    "FEDINGRESS_AWS_ROLE",  # there the function has one
}
ONLY_AMAZON = {
    "FEDINGRESS_QUEUES",  # Pub/Sub cannot delay
    "FEDINGRESS_SNS_SIGNATURES",
    "FEDINGRESS_GOOGLE_CREDENTIALS",  # there the function has a service account
    "FEDINGRESS_COMPUTE_ENDPOINT",  # for a lab: Terraform's is Google's own
    "FEDINGRESS_DNS_ENDPOINT",
}


@pytest.fixture(scope="module")
def google(tmp_path_factory):
    """What Terraform finds, with a role of AWS."""
    names = ("settings", "doors", "deliveries", "lease_seconds", "function_seconds")
    role = "arn:aws:iam::123456789012:role/fedingress"
    folder = tmp_path_factory.mktemp("terraform")
    return terraform.evaluated(folder, *names, aws_role=role, aws_roles=ROLES)


def amazon_settings(function):
    """The variables of one Lambda function."""
    own = LAMBDAS[function.title()].get("Environment", {}).get("Variables", {})
    return {**SHARED, **own}


def test_both_deploy_every_function(google):
    """And nothing else."""
    assert set(google["doors"]) == {name.lower() for name in LAMBDAS} == manifest.FUNCTIONS


@pytest.mark.parametrize("function", sorted(manifest.FUNCTIONS))
def test_a_function_gets_the_same_settings_on_both(google, function):
    """But for those that only one home needs, each with its reason."""
    there = set(google["settings"][function]) - ONLY_GOOGLE
    here = set(amazon_settings(function)) - ONLY_AMAZON

    assert there == here
    assert {f"FEDINGRESS_{name.upper()}" for name in manifest.EVERYWHERE} <= here
    assert here | ONLY_AMAZON | ONLY_GOOGLE <= manifest.VARIABLES


def test_roles_of_zones_go_where_zones_are_kept(google):
    """To `dns`, and to repair, which runs it by hand; nobody else could use them."""
    name = "FEDINGRESS_AWS_ROLES"
    there = {door: each[name] for door, each in google["settings"].items() if name in each}
    here = {door for door in manifest.FUNCTIONS if name in amazon_settings(door)}

    assert there == {"dns": ROLES, "repair": ROLES}
    assert here == {"dns", "repair"}


def test_both_wait_equally_long(google):
    """For a run and for a function; the lease is told to both, and is the product's own."""
    assert float(SHARED["FEDINGRESS_LEASE_SECONDS"]) == google["lease_seconds"]
    assert google["lease_seconds"] == Settings().lease_seconds
    assert GLOBALS["Timeout"] == google["function_seconds"]


def test_both_have_the_same_ways_to_the_doors(google):
    """Each concern hears of its part of the work, fan-out alone of changes."""
    subscriptions = template.of_type(TEMPLATE, "AWS::SNS::Subscription")
    amazon = {
        (topic["Ref"].lower(), each["Endpoint"]["Fn::GetAtt"].partition("Queue")[0].lower())
        for each in subscriptions.values()
        for topic in [each["TopicArn"]]
    }

    assert amazon == {
        (each["topic"].removeprefix("fedingress-"), each["door"])
        for each in google["deliveries"].values()
    }
    assert amazon == {*(("work", name) for name in manifest.EVENTS), ("changes", "fanout")}


def test_both_clocks_tick_each_minute():
    """The finest that both schedulers can, and neither tries a tick twice."""
    job = terraform.labelled(terraform.parsed()["resource"])["google_cloud_scheduler_job.tick"]
    (event,) = LAMBDAS["Tick"]["Events"].values()

    assert event["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    assert job["schedule"] == '"* * * * *"'
    assert event["Properties"]["RetryPolicy"]["MaximumRetryAttempts"] == 0
    assert job["retry_config"][0]["retry_count"] == 0


def test_the_readme_names_every_function():
    """Its table has a row for each, and for no other."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^## The functions\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == manifest.FUNCTIONS
