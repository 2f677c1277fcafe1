"""
Resources of others, under our names and beside them, through a create, an update and a deletion.

First everything of a graph stands there as somebody else's: told, left alone by all three. Then
their user consents word by word: what can take our mark becomes ours, the rest is refused with what
to do, and the graph is complete once that is done.
"""

import copy
import datetime as dt
import re

import pytest

from fedingress.domain.graph import Kind
from tests.certificates import issued
from tests.certificates import secret as tls_secret
from tests.functions.test_life import conditions
from tests.functions.world import ingress_manifest, path, policy_manifest
from tests.gce.test_refusals import OURS, TLS, told
from tests.gce.world import GOOD, PROJECT, GceWorld, gce_world, serve

pytestmark = pytest.mark.wire

WORD = re.compile(r"annotate fedingress\.dev/adopt: (\S+@[0-9a-f]{8})")
CREATION = sorted(OURS, key=lambda kind: (kind.stage, kind.value))
MARKABLE = {
    *(Kind.FIREWALL, Kind.HEALTH_CHECK, Kind.BACKEND_SERVICE, Kind.URL_MAP),
    Kind.SSL_POLICY,
    Kind.FORWARDING_RULE,
}
NOW = 1_800_000_000.0
Body = dict[str, object]


def opened(world: GceWorld, secret: Body) -> GceWorld:
    """Class, policy and Secret; always the same, so that names are."""
    world.sources.put(secret)
    world.sources.put(policy_manifest(tls={"minimumVersion": "1.2", "redirect": False}))
    return world


@pytest.fixture(scope="module")
def secret():
    """One certificate, after which resources are named."""
    expires = dt.datetime.fromtimestamp(NOW, dt.UTC) + dt.timedelta(days=300)
    return tls_secret("web", *issued("shop.example.com", expires=expires))


@pytest.fixture(scope="module")
def bodies(secret):
    """What a graph of ours looks like, by collection and name."""
    with gce_world() as world:
        serve(opened(world, secret), tls=TLS)
        return {
            (path.split("/")[-2], path.split("/")[-1]): copy.deepcopy(body)
            for path, body in world.cloud.compute.items()
            if path.split("/")[-1].startswith("fedingress-") and "/global/" in path
        }


def theirs(world: GceWorld, bodies: dict[tuple[str, str], Body], kinds=CREATION) -> None:
    """Somebody makes the same resources without our marks, with values of their own."""
    chain, key = issued("theirs.example.com")
    own = {
        "sslCertificates": {"selfManaged": {"certificate": chain, "privateKey": key}},
        "healthChecks": {"checkIntervalSec": 77},
        "backendServices": {"timeoutSec": 17, "backends": []},
        "firewalls": {"sourceRanges": ["192.0.2.0/24"]},
        "sslPolicies": {"minTlsVersion": "TLS_1_0"},
    }
    for kind in kinds:
        for (collection, name), body in bodies.items():
            if collection == kind.value:
                made = {**body, **own.get(collection, {}), "description": "by hand"}
                world.have(kind, name, made)


def standing(world: GceWorld) -> dict[str, Body]:
    """Every global resource, whole."""
    return {
        path: copy.deepcopy(body)
        for path, body in world.cloud.compute.items()
        if path.split("/")[-2] in {kind.value for kind in OURS}
    }


def test_what_others_have_under_our_names_and_our_prefix_survives_everything(bodies, secret):
    """A create, an update and a deletion write nothing to any of it; the condition tells of it."""
    with gce_world() as world:
        opened(world, secret)
        theirs(world, bodies)
        beside = {(c, f"{n[:21]}-theirs{len(n)}"): b for (c, n), b in bodies.items()}
        theirs(world, beside, [k for k in CREATION if k.stage in {0, 1}])
        before = standing(world)
        world.submit(ingress_manifest(tls=TLS))
        world.settle(within_seconds=600, ticks=False)
        message = conditions(world)["Degraded"]["message"]
        created = standing(world)
        rules = [{"host": "www.example.com", "http": {"paths": [path("/", "web")]}}]
        world.submit(ingress_manifest(tls=TLS, rules=rules))
        world.look(within_seconds=600)
        updated = standing(world)
        world.delete()
        world.settle()

        assert {kind.value for kind in OURS} >= {path.split("/")[-2] for path in before}
        assert created == before
        assert updated == before
        assert standing(world) == before
        assert "does not carry our mark" in message
        assert world.ours("gke-us") == []
        assert world.load_balancers.calls == []


def test_what_others_have_is_taken_over_word_by_word_and_the_rest_is_refused(bodies, secret):
    """D3: a firewall's ranges, too. Proxies take no mark: they are to be deleted, rules first."""
    with gce_world() as world:
        opened(world, secret)
        theirs(world, bodies)
        world.submit(ingress_manifest(tls=TLS))
        world.settle(within_seconds=300)
        words: set[str] = set()
        for _ in range(3 * len(bodies)):
            found = set(WORD.findall(everything(world))) - words
            if not found:
                break
            words |= found
            meta = {"annotations": {"fedingress.dev/adopt": ",".join(sorted(words))}}
            world.submit(ingress_manifest(tls=TLS, metadata=meta))
            world.settle(within_seconds=300)
        taken = {word.partition("/")[0] for word in words}
        left = {
            collection
            for (collection, name) in bodies
            if f"{PROJECT}: {collection} {name}" in everything(world)
        }
        for kind in reversed(CREATION):
            for collection, name in bodies:
                if collection == kind.value and kind not in MARKABLE - {Kind.FORWARDING_RULE}:
                    world.drop(kind, name)
        world.look()

        assert taken == {kind.value for kind in MARKABLE}
        assert left == {kind.value for kind in OURS} - taken
        assert world.verdicts() == GOOD, told(world)


def everything(world: GceWorld) -> str:
    """All that is held, as the plan tells it, and what the firewall says in the condition."""
    from fedingress.runtime.previews import of_source
    from tests.functions.world import KEY

    held = [text for plan in of_source(KEY, world.ports).plans.values() for text in plan.held]
    return "; ".join([told(world), *held])
