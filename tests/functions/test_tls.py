"""TLS from the Secrets of an Ingress: shown, rotated, lost, taken away; the key goes nowhere."""

import json
import logging
import time

import pytest

from fedingress.domain.graph import GlobalResource, Kind
from tests.certificates import issued, secret, secret_for
from tests.functions.test_crash import FAILURES, hook_up, outcome, strike
from tests.functions.test_life import conditions
from tests.functions.world import World, ingress_manifest

SHOP, API = "shop.example.com", "api.example.com"
TLS = [{"hosts": [SHOP], "secretName": "web"}, {"hosts": [API], "secretName": "api"}]


@pytest.fixture(autouse=True)
def _quiet():
    """Thousands of invocations are not worth a line each."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def world_with(*secrets) -> World:
    """A world with class, policy and Secrets, at the time at which certificates are made."""
    world = World()
    world.clock.at = time.time()
    world.install()
    for each in secrets:
        world.sources.put(each)
    return world


def secured(*secrets, tls=TLS) -> World:
    """The shop with TLS, settled."""
    world = world_with(*(secrets or (secret_for("web", SHOP), secret_for("api", API))))
    world.submit(ingress_manifest(tls=tls))
    world.settle()
    return world


def of(world: World, kind: Kind):
    return world.load_balancers.observe("lab", (kind,), "")


def proxy(world: World):
    (found,) = of(world, Kind.TARGET_HTTPS_PROXY)
    return found


def degraded(world: World) -> tuple[str, str]:
    found = conditions(world)["Degraded"]
    return found["status"], found["reason"]


def look(world: World, cause: str = "resync") -> None:
    world.tell("backends", "shop/shop", cause)
    world.settle()


def test_an_ingress_with_secrets_is_served_over_tls_and_http():
    """Two certificates in order, two rules on one address, and a good status."""
    world = secured()
    shown = {item.path: item.name for item in of(world, Kind.SSL_CERTIFICATE)}
    rules = of(world, Kind.FORWARDING_RULE)

    assert [path in shown for path in proxy(world).spec["sslCertificates"]] == [True, True]
    assert sorted(rule.spec["portRange"] for rule in rules) == ["443-443", "80-80"]
    assert len({rule.spec["IPAddress"] for rule in rules}) == 1
    assert {kind: item["status"] for kind, item in conditions(world).items()} == {
        "Accepted": "True",
        "Programmed": "True",
        "Published": "True",
        "Degraded": "False",
    }


def test_a_key_is_nowhere_but_in_the_call_that_creates_its_certificate(caplog):
    """Not in the store, an event, a log, the status or a member."""
    logging.disable(logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    chain, key = issued(SHOP)
    world = world_with(secret("web", chain, key))
    heard = []
    publish = world.bus.publish

    def hear(works):
        listed = list(works)
        heard.extend(map(repr, listed))
        publish(listed)

    world.bus.publish = hear
    world.submit(ingress_manifest(tls=TLS[:1]))
    world.settle()
    families = ("report", "intent", "note", "work")
    kept = [repr(doc) for family in families for doc in world.store.list(family)]
    members = [
        repr(world.members[name].list(kind))
        for name in world.inventory
        for kind in ("Ingress", "Service", "Secret")
    ]
    source = json.dumps(world.sources.stored(next(iter(world.sources.list())).key))
    said = "\n".join([*kept, *members, *heard, source, caplog.text, repr(world.sources.notices)])

    assert of(world, Kind.TARGET_HTTPS_PROXY)
    assert len(kept) > 5
    for line in key.splitlines()[1:-1]:
        assert line not in said


def test_a_converged_world_with_tls_costs_no_call():
    """Ten thorough looks of every concern write nothing."""
    world = secured()
    before = world.mark()
    for _ in range(10):
        look(world)

    assert world.since(before) == []


def test_rotation_creates_swaps_and_deletes():
    """Three calls: the proxy never names fewer certificates, nor one that is gone."""
    world = secured()
    old = proxy(world).spec["sslCertificates"]
    before = world.mark()
    world.sources.put(secret_for("web", SHOP))
    mark = len(before)
    look(world, "secret.changed")
    calls = [(verb, what) for verb, what in world.since(before) if "Secret" not in what]
    new = proxy(world).spec["sslCertificates"]

    assert mark
    assert [verb for verb, _ in calls] == ["create", "update", "delete"]
    assert (len(new), new[0] != old[0], new[1]) == (2, True, old[1])
    assert sorted(item.path for item in of(world, Kind.SSL_CERTIFICATE)) == sorted(new)


def test_a_secret_that_comes_late_is_found_without_being_told():
    """The Ingress is served over HTTP meanwhile, and the condition says what is missing."""
    world = world_with(secret_for("api", API))
    world.submit(ingress_manifest(tls=TLS))
    world.settle(within_seconds=60.0)

    assert degraded(world) == ("True", "SecretMissing")
    assert conditions(world)["Programmed"]["status"] == "True"
    assert len(proxy(world).spec["sslCertificates"]) == 1
    world.sources.put(secret_for("web", SHOP))
    world.settle(within_seconds=700.0)
    assert degraded(world) == ("False", "AsExpected")
    assert len(proxy(world).spec["sslCertificates"]) == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda world: world.sources.remove("Secret", "web", "shop"), "SecretMissing"),
        (lambda world: world.sources.put(secret("web", "x", "y")), "CertificateInvalid"),
    ],
)
def test_a_secret_that_goes_bad_is_no_outage(change, reason):
    """Its certificate and those of the others stay; the condition says why."""
    world = secured()
    shown = proxy(world).spec["sslCertificates"]
    change(world)
    before = len(world.load_balancers.calls)
    world.tell("backends", "shop/shop", "resync")
    world.settle(within_seconds=60.0)

    assert degraded(world) == ("True", reason)
    assert proxy(world).spec["sslCertificates"] == shown
    assert len(world.load_balancers.calls) == before


def test_a_host_that_the_certificate_does_not_name_is_told():
    """The Ingress is programmed and degraded."""
    world = world_with(secret_for("web", "other.example.com"))
    world.submit(ingress_manifest(tls=TLS[:1]))
    world.settle(within_seconds=60.0)

    assert degraded(world) == ("True", "HostNotInCertificate")
    assert conditions(world)["Programmed"]["status"] == "True"


def test_tls_taken_off_leaves_nothing_of_it():
    """Rule, proxy and certificates go; HTTP stays."""
    world = secured()
    world.submit(ingress_manifest())
    world.settle()

    assert not of(world, Kind.TARGET_HTTPS_PROXY)
    assert not of(world, Kind.SSL_CERTIFICATE)
    assert len(of(world, Kind.FORWARDING_RULE)) == 1


ROTATED = (secret_for("web", SHOP), secret_for("api", API), secret_for("web", SHOP))


def prepare(world: World, verb: str) -> None:
    for each in ROTATED[:2]:
        world.sources.put(each)
    if verb != "create":
        world.submit(ingress_manifest(tls=TLS))
        world.settle()


def perform(world: World, verb: str) -> None:
    if verb == "create":
        world.submit(ingress_manifest(tls=TLS))
    elif verb == "rotate":
        world.sources.put(ROTATED[2])
        world.tell("backends", "shop/shop", "secret.changed")
    elif verb == "off":
        world.submit(ingress_manifest())
    else:
        world.delete()
    world.settle()


def begun(verb: str) -> World:
    world = world_with()
    prepare(world, verb)
    return world


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("verb", ["create", "rotate", "off", "delete"])
def test_one_failure_at_any_call_changes_nothing_but_the_time(verb, failure):
    """For each call of the load balancer: it fails so once, and the end is that of a quiet run."""
    seen: list[tuple[str, str, str]] = []
    quiet = begun(verb)
    hook_up(quiet, lambda *moment: seen.append(moment))
    perform(quiet, verb)
    expected = outcome(quiet)
    moment, error = FAILURES[failure]
    words = ("sslCertificates", "targetHttpsProxies", "fr-https", "Ingress")
    chosen = [
        number
        for number, each in enumerate(seen)
        if each[0] == moment and any(word in each[2] for word in words)
    ]
    for number in chosen:
        world = begun(verb)
        strike(world, number, error)
        perform(world, verb)

        assert outcome(world) == expected, f"{failure} at {seen[number]}"
    assert len(chosen) >= 3, "the run made hardly any call"


def test_a_redirect_and_a_lowest_version_from_the_policy():
    """Port 80 redirects once port 443 listens; the policy's change reaches the proxy."""
    world = secured()
    world.install(tls={"redirect": True, "minimumVersion": "1.2"})
    world.tell("fanout", "shop/shop")
    world.settle()
    (http,) = of(world, Kind.TARGET_HTTP_PROXY)
    maps = {item.path: item.spec for item in of(world, Kind.URL_MAP)}

    assert maps[http.spec["urlMap"]]["defaultUrlRedirect"]["httpsRedirect"]
    assert proxy(world).spec["sslPolicy"] == of(world, Kind.SSL_POLICY)[0].path
    assert degraded(world) == ("False", "AsExpected")
    before = world.mark()
    look(world)
    assert world.since(before) == []
    world.install()
    world.tell("fanout", "shop/shop")
    world.settle()
    assert len(of(world, Kind.URL_MAP)) == 1
    assert not of(world, Kind.SSL_POLICY)


def test_http_off_without_a_certificate_is_not_programmed():
    """Nothing listens, and the status says what is missing."""
    world = world_with()
    off = {"annotations": {"kubernetes.io/ingress.allow-http": "false"}}
    world.submit(ingress_manifest(metadata=off))
    world.settle(within_seconds=60.0)
    found = conditions(world)

    assert not of(world, Kind.FORWARDING_RULE)
    assert (found["Programmed"]["status"], found["Degraded"]["reason"]) == (
        "False",
        "NoCertificate",
    )


def test_a_pre_shared_certificate_is_adopted_by_name_and_never_touched():
    """Missing, it is told and waited for; there, it is shown; at the end it stays."""
    world = world_with()
    named = {"annotations": {"ingress.gcp.kubernetes.io/pre-shared-cert": "theirs"}}
    world.submit(ingress_manifest(metadata=named))
    world.settle(within_seconds=30.0)
    assert degraded(world) == ("True", "CertificateMissing")
    theirs = GlobalResource(
        kind=Kind.SSL_CERTIFICATE, project="lab", name="theirs", spec={"type": "SELF_MANAGED"}
    )
    world.load_balancers.put(theirs)
    world.settle(within_seconds=700.0)
    assert degraded(world) == ("False", "AsExpected")
    assert proxy(world).spec["sslCertificates"] == [theirs.path]
    world.delete()
    world.settle()

    assert [item.name for item in of(world, Kind.SSL_CERTIFICATE)] == ["theirs"]
    assert not of(world, Kind.TARGET_HTTPS_PROXY)


def test_an_annotation_alone_turns_http_off_and_on():
    """Annotations raise no generation, and count all the same."""
    world = secured()
    off = {"annotations": {"kubernetes.io/ingress.allow-http": "false"}}
    world.submit(ingress_manifest(tls=TLS, metadata=off))
    world.settle()
    assert [rule.spec["portRange"] for rule in of(world, Kind.FORWARDING_RULE)] == ["443-443"]
    world.submit(ingress_manifest(tls=TLS))
    world.settle()

    assert len(of(world, Kind.FORWARDING_RULE)) == 2
