"""
What Google refuses of a create, of a change and of a deletion, kind by kind over the wire.

Somebody does what the condition asks for, and then what the next one asks for: each kind of the
graph must be asked for by name, nothing may be lost on the way, and the end is that of a quiet run.
"""

import re
import time

import pytest
from google.cloud import compute_v1

from fedingress.domain.graph import Kind
from tests.certificates import issued, secret_for
from tests.functions.test_life import conditions
from tests.functions.world import KEY, ingress_manifest, policy_manifest
from tests.gce.world import GOOD, PROJECT, GceWorld, gce_world, serve

pytestmark = pytest.mark.wire

TLS = [{"hosts": ["shop.example.com"], "secretName": "web"}]
OTHERS = {Kind.SECURITY_POLICY, Kind.INSTANCE_GROUP}
OURS = tuple(kind for kind in Kind if kind not in OTHERS)
REST = {
    Kind.ADDRESS: "globalAddresses",
    Kind.FORWARDING_RULE: "globalForwardingRules",
}
"""How permissions name a collection, where that is not the collection's name."""
METRICS = {
    "STATIC_ADDRESSES": "addresses",
    **{re.sub(r"(?<!^)([A-Z])", r"_\1", each.value).upper(): each.value for each in OURS},
}
REDIRECT = compute_v1.HttpRedirectAction(https_redirect=True)
NEXT = {
    "forbidden": "grant roles/compute.",
    "quota": "raise this quota",
    "throttled": "it is tried again by itself",
    "broken": "it is tried again by itself",
}


def permissions(verb: str) -> dict[str, str]:
    """Of that verb, by collection."""
    return {each.value: f"compute.{REST.get(each, each.value)}.{verb}" for each in OURS}


def told(world: GceWorld) -> str:
    """What the conditions say is wrong, empty when all is well or gone."""
    stored = world.sources.stored(KEY)
    if stored is None or "fedingress.dev/conditions" not in stored["metadata"]["annotations"]:
        return ""
    found = conditions(world)
    wrong = [found[kind] for kind in ("Programmed", "Published") if found[kind]["status"] != "True"]
    wrong += [found["Degraded"]] if found["Degraded"]["status"] == "True" else []
    return "; ".join(f"{each['reason']}: {each['message']}" for each in wrong)


class Refusing:
    """One way to refuse a verb, for the collections that are left."""

    def __init__(self, world: GceWorld, way: str, verb: str) -> None:
        self.world, self.way, self.verb = world, way, verb
        self.left = {each.value for each in OURS}
        self.put()

    def put(self) -> None:
        """Refuse what is left, and nothing else."""
        self.world.recover()
        if self.way == "forbidden":
            named = permissions("create" if self.verb == "POST" else "delete")
            self.world.deny(*(named[each] for each in self.left))
        elif self.way == "quota":
            self.world.quotas.clear()
            self.world.quotas.update(dict.fromkeys(self.left, 0))
        elif self.left:
            path = rf"/({'|'.join(sorted(self.left))})(\?|$|/fedingress)"
            status = 429 if self.way == "throttled" else 503
            self.world.strike(method=self.verb, path=path, status=status, times=None)

    def grant(self, message: str) -> frozenset[str]:
        """Do what *message* asks for; gives the collections that it names."""
        if self.way == "quota":
            found = {METRICS[name] for name in re.findall(r"Quota '(\w+)' exceeded", message)}
        else:
            found = set(re.findall(rf"{PROJECT}: (\w+) fedingress-", message))
        self.left -= found
        self.put()
        return frozenset(found)


def sweep(world: GceWorld, way: str, verb: str) -> set[str]:
    """Do what the conditions ask for until all is well; gives what they named."""
    refusing, named = Refusing(world, way, verb), set()
    for _ in range(2 * len(OURS)):
        world.settle(within_seconds=100, ticks=False)
        message = told(world)
        found = refusing.grant(message)
        if not found:
            break
        assert NEXT[way] in message
        named |= found
        if world.sources.stored(KEY) is not None:
            world.look(within_seconds=100)
    world.recover()
    world.settle()
    return named


@pytest.fixture
def fresh():
    """A world in which nothing was submitted."""
    with gce_world() as made:
        made.clock.at = time.time()
        made.sources.put(secret_for("web", "shop.example.com"))
        made.sources.put(policy_manifest(tls={"minimumVersion": "1.2", "redirect": False}))
        yield made


@pytest.fixture
def served(fresh):
    """The same, once the shop is served."""
    return serve(fresh, tls=TLS)


def made_as_ever(world: GceWorld) -> bool:
    """Whether the whole graph stands, and another look finds nothing to do."""
    marks = world.mark()
    world.look()
    kinds = {name.partition("/")[0] for name in world.graph()}
    whole = kinds == {each.value for each in OURS}
    return whole and world.verdicts() == GOOD and world.since(marks) == []


def gone_as_ever(world: GceWorld) -> bool:
    """Whether nothing of ours is left, neither in the cloud nor in members."""
    left = [world.ours(name) for name in world.inventory]
    return world.sources.stored(KEY) is None and world.graph() == {} and not any(left)


@pytest.mark.parametrize("way", NEXT)
def test_every_kind_that_may_not_be_made_is_told_by_name(fresh, way):
    """Step by step to the same graph as ever."""
    fresh.submit(ingress_manifest(tls=TLS))
    named = sweep(fresh, way, "POST")

    assert named == {each.value for each in OURS}
    assert made_as_ever(fresh)


@pytest.mark.parametrize("way", ["forbidden", "throttled"])
def test_every_kind_that_may_not_be_deleted_is_told_by_name(served, way):
    """What leads clients goes first; in the end nothing is left."""
    served.delete()
    named = sweep(served, way, "DELETE")

    assert named == {each.value for each in OURS}
    assert gone_as_ever(served)


def listening(world: GceWorld) -> list[str]:
    """Every different thing that the conditions say is wrong, from now on."""
    said: list[str] = []
    deliver = world.deliver

    def delivered(work, delivery):
        deliver(work, delivery)
        if (message := told(world)) not in said:
            said.append(message)

    world.deliver = delivered
    return said


@pytest.mark.parametrize("verb", ["insert", "delete"])
def test_every_operation_that_comes_to_nothing_is_told_and_made_good(fresh, verb):
    """Each was accepted and failed once, for a quota that was found too late; all is well then."""
    if verb == "delete":
        serve(fresh, tls=TLS)
    fresh.slow_down(5.0)
    said = listening(fresh)
    for kind in OURS:
        text = f"Quota 'X' of {kind.value} exceeded."
        fresh.fail(verb=verb, path=f"/{kind.value}/", code="QUOTA_EXCEEDED", message=text)
    if verb == "insert":
        fresh.submit(ingress_manifest(tls=TLS))
    else:
        fresh.delete()
    fresh.settle()
    heard = {kind.value for kind in OURS if any(f"of {kind.value} exceeded" in s for s in said)}

    assert all("raise this quota" in text for text in said if "exceeded" in text)
    assert heard == {kind.value for kind in OURS}
    assert made_as_ever(fresh) if verb == "insert" else gone_as_ever(fresh)


USERS = {
    Kind.HEALTH_CHECK: (Kind.BACKEND_SERVICE, "health_checks", "list"),
    Kind.BACKEND_SERVICE: (Kind.URL_MAP, "default_service", "one"),
    Kind.URL_MAP: (Kind.TARGET_HTTP_PROXY, "url_map", "one"),
    Kind.SSL_CERTIFICATE: (Kind.TARGET_HTTPS_PROXY, "ssl_certificates", "list"),
    Kind.SSL_POLICY: (Kind.TARGET_HTTPS_PROXY, "ssl_policy", "one"),
}
"""What somebody else's resources can refer to of ours, and by which field."""


def made_certificate(world: GceWorld) -> str:
    """A certificate of somebody else's."""
    chain, key = issued("theirs.example.com")
    own = compute_v1.SslCertificateSelfManagedSslCertificate(certificate=chain, private_key=key)
    made = world.put(Kind.SSL_CERTIFICATE, name="its-own", type_="SELF_MANAGED", self_managed=own)
    return str(made.self_link)


@pytest.mark.parametrize("kind", USERS)
def test_what_somebody_else_refers_to_is_told_and_goes_once_they_let_go(served, kind):
    """The condition names both; everything else is gone by then, and theirs stays."""
    user, field, form = USERS[kind]
    found = served.see(kind)[0].self_link
    fields = {field: [found] if form == "list" else found}
    if user is Kind.BACKEND_SERVICE:
        fields["load_balancing_scheme"] = "EXTERNAL_MANAGED"
    if user is Kind.TARGET_HTTPS_PROXY:
        service = served.put(Kind.URL_MAP, name="its-own", default_url_redirect=REDIRECT)
        shared = {"ssl_certificates": [made_certificate(served)]}
        fields = {"url_map": service.self_link, **shared, **fields}
    served.put(user, name="theirs", **fields)
    served.delete()
    served.settle(within_seconds=300, ticks=False)
    message, left = told(served), {name.partition("/")[0] for name in served.graph()}
    served.drop(user, "theirs")
    served.settle(within_seconds=1800)

    assert "InUse: " in message
    assert f"{user.value}/theirs" in message
    assert "it goes once nothing refers to it any more" in message
    assert "forwardingRules" not in left
    assert served.sources.stored(KEY) is None
