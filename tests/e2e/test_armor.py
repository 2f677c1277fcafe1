"""A security policy of Cloud Armor, kept by others, on and off; as google-cloud-compute sees it."""

import json

import pytest
from google.cloud import compute_v1

from tests.e2e.manifests import ingress, platform
from tests.e2e.site import CONFIG, PROJECT
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]


@pytest.fixture
def armored(site, home):
    """The site, whose policy is as ever again after the test."""
    yield site
    site.delete()
    until(
        "nobody to refer to it",
        lambda: not site.listed("BackendServices"),
        say=lambda: (site.conditions(), site.leftovers()),
    )
    site.apply(CONFIG, *platform())
    found = site.compute("SecurityPolicies")
    for item in site.listed("SecurityPolicies"):
        found.delete_unary(project=PROJECT, security_policy=item["name"])
    until("the security policy to go", lambda: not site.listed("SecurityPolicies"))


def named(name: str = "") -> list[dict]:
    """Class and policy with that security policy."""
    policy, of_class = platform()
    backends = {**policy["spec"]["backends"], **({"securityPolicy": name} if name else {})}
    return [{**policy, "spec": {**policy["spec"], "backends": backends}}, of_class]


def worn(site) -> set[str]:
    """The last words of the references of all backend services."""
    return {
        item.get("security_policy", "").rpartition("/")[2]
        for item in site.listed("BackendServices")
    }


def test_a_security_policy_comes_before_requests_and_goes_with_the_policys_word(armored):
    """Missing: told, and nobody is led to bare services. Made: worn by all. Unnamed: taken off."""
    armored.apply(CONFIG, *named("armor"))
    armored.apply(CONFIG, ingress())
    until("the missing one to be told", lambda: _degraded(armored) == "SecurityPolicyMissing")
    before = armored.listed("UrlMaps"), armored.address()
    resource = compute_v1.SecurityPolicy(name="armor", description="kept by others")
    armored.compute("SecurityPolicies").insert_unary(
        project=PROJECT, security_policy_resource=resource
    )
    armored.until_served()
    page = armored.visitor("us-central1").get("shop.example.com")
    during = worn(armored)
    marks = [json.loads(item["description"]) for item in armored.listed("BackendServices")]
    armored.apply(CONFIG, *named())
    until("it to be taken off", lambda: worn(armored) == {""}, say=lambda: worn(armored))

    assert before == ([], "")
    assert page.status == 200
    assert during == {"armor"}
    assert {mark["fedingress.dev"]["securityPolicy"] for mark in marks} == {"armor"}
    assert [item["name"] for item in armored.listed("SecurityPolicies")] == ["armor"]


def _degraded(site) -> str:
    return str(site.conditions().get("Degraded", {}).get("reason", ""))
