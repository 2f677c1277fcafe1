"""A resource that lost our mark, over the wire: told with its diff, taken over by the word told."""

import re

import pytest
from google.cloud import compute_v1

from fedingress.domain.work import REPAIR, Work
from tests.e2e.manifests import HOST, ingress
from tests.e2e.site import CONFIG, PROJECT
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

WORD = re.compile(r"annotate fedingress\.dev/adopt: (\S+@[0-9a-f]{8})")


def overwrite(site):
    """Somebody writes a description of their own, and another timeout; gives the name."""
    found = site.listed("BackendServices")[0]
    client = site.compute("BackendServices")
    current = client.get(project=PROJECT, backend_service=found["name"])
    body = compute_v1.BackendService(
        description="by hand", timeout_sec=17, fingerprint=current.fingerprint
    )
    client.patch_unary(
        project=PROJECT, backend_service=found["name"], backend_service_resource=body
    )
    until("it to be written", lambda: service(site, found["name"])["description"] == "by hand")
    return found["name"]


def service(site, name):
    """One backend service."""
    return next(item for item in site.listed("BackendServices") if item["name"] == name)


def degraded(site):
    """Reason and message of that condition."""
    found = site.conditions().get("Degraded", {})
    return found.get("reason", ""), found.get("message", "")


def test_it_is_told_and_taken_over_by_consent(shop, home):
    """It serves all the time; nothing is written before somebody says the word."""
    name = overwrite(shop)
    home.home.bus.publish([Work(concern="backends", unit="shop/shop", cause=REPAIR)])
    until("it to be told", lambda: degraded(shop)[0] == "NameTaken", say=lambda: degraded(shop))
    told, stands = degraded(shop)[1], service(shop, name)
    page = shop.visitor("us-central1").get(HOST)
    (word,) = set(WORD.findall(told))
    shop.apply(CONFIG, ingress(annotations={"fedingress.dev/adopt": word}))
    until("it to be ours", lambda: "fedingress.dev" in service(shop, name)["description"])
    shop.until_served()

    assert "timeoutSec: 17 -> 30" in told
    assert (stands["description"], stands["timeout_sec"]) == ("by hand", 17)
    assert page.status == 200
    assert service(shop, name)["timeout_sec"] == 30
