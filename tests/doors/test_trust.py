"""Whose events and calls the doors act on: every refusal, on both clouds, with nothing done."""

import json
import logging
import time
from dataclasses import replace

import pytest
import yaml

pytest.importorskip("cryptography")
pytest.importorskip("google.auth")
from fedingress.adapters import sns_signatures, tokens
from fedingress.adapters.signing import new_pair, signer
from fedingress.domain.event import Event, rfc3339
from fedingress.domain.publisher import CONFIG_MAP_NAME, encode, source_of
from fedingress.domain.work import Work
from tests.adapters.issuer import AUDIENCE, EMAIL, Forge
from tests.adapters.sns_signer import SnsSigner
from tests.doors.home import (
    CHANGES,
    CHANGES_TOPIC,
    UNITS,
    WORK_TOPIC,
    event,
    failed,
    notification,
    push,
    records,
)

FORGE, SNS = Forge(), SnsSigner()
GOOD = Event(
    id="event-1",
    source=source_of("default", "gke-us"),
    work=Work(concern="fanout", unit="shop/shop", cause="ingress.changed"),
)


class Clusters:
    """Clusters with keys of their own, registered in the directory of a home."""

    def __init__(self, home, folder):
        self._home, self._folder = home, folder
        self._keys = {}
        self.register("gke-us", "gke-eu")

    def register(self, *names):
        """A new key for each; they are the only ones registered from now on."""
        for name in names:
            path = self._folder / f"{name}.pem"
            path.write_text(new_pair()[0])
            self._keys[name] = signer(path)
        manifest = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": "fedingress-inventory", "name": CONFIG_MAP_NAME},
            "data": {name: encode((key.public,)) for name, key in self._keys.items()},
        }
        self._home.sources.joinpath("publishers.yaml").write_text(yaml.safe_dump(manifest))

    def signed(self, by="gke-us", **change):
        """A good event of gke-us, changed, then signed by a cluster's key."""
        change = {"time": rfc3339(time.time())} | change
        return self._keys[by].sign(replace(GOOD, **change))


@pytest.fixture
def clusters(home, tmp_path):
    home.submit()
    return Clusters(home, tmp_path)


@pytest.fixture
def refusals(caplog, monkeypatch):
    """`refusals()` gives the words under which refusals were counted so far."""
    log = logging.getLogger("fedingress")
    log.addHandler(caplog.handler)

    def words():
        lines = [json.loads(each.getMessage()) for each in caplog.records]
        return [line["reason"] for line in lines if line.get("outcome") == "refused-event"]

    yield words
    log.removeHandler(caplog.handler)


@pytest.fixture(params=["google", "amazon"])
def send(request, google, amazon):
    """`send(body)` brings an event by the way of clusters; gives whether it is done with."""

    def by_google(body):
        return google("fanout").post("/", json=push(body, CHANGES)).status_code == 204

    def by_amazon(body):
        batch = records(notification(body, CHANGES_TOPIC))
        return failed(amazon("fanout")(batch, None)) == []

    return {"google": by_google, "amazon": by_amazon}[request.param]


def test_a_clusters_own_event_is_acted_on(home, clusters, send, refusals):
    """Signed with its key, young and for fan-out: the run is over."""
    assert send(clusters.signed().encode())
    assert home.done("fanout") == 1
    assert refusals() == []


def ago(seconds):
    return rfc3339(time.time() - seconds)


def tampered(clusters):
    return clusters.signed().encode() | {"data": {"concern": "fanout", "unit": "shop/other"}}


FORGED = {
    "another cluster's key": ("unknown-key", lambda c: c.signed(by="gke-eu").encode()),
    "its key, another's name": (
        "unknown-key",
        lambda c: c.signed(source=source_of("default", "gke-eu")).encode(),
    ),
    "an unknown cluster": (
        "unknown-key",
        lambda c: c.signed(source=source_of("default", "moon")).encode(),
    ),
    "tampered": ("forged", tampered),
    "a younger time": ("forged", lambda c: c.signed().encode() | {"time": ago(1)}),
    "unsigned": ("unsigned", lambda c: replace(GOOD, time=ago(0)).encode()),
    "foreign": ("foreign", lambda c: c.signed(source=source_of("other", "gke-us")).encode()),
    "our own words": ("no-cluster", lambda c: event()),
    "another concern": (
        "wrong-concern",
        lambda c: c.signed(work=Work(concern="status", unit="shop/shop", cause="x")).encode(),
    ),
    "timeless": ("no-time", lambda c: c.signed(time="").encode()),
    "from the future": ("future", lambda c: c.signed(time=ago(-3600)).encode()),
    "no event": ("malformed", lambda c: {"type": "other"}),
    "unknown type": ("malformed", lambda c: c.signed().encode() | {"type": "dev.other.v1"}),
    "hostile unit": ("malformed", lambda c: event(unit="../../etc/passwd")),
    "oversized": ("oversized", lambda c: c.signed().encode() | {"more": "x" * 5000}),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_no_cluster_may_send(home, clusters, send, refusals, name):
    """Refused under its word, left to the dead letters, and the store is not touched."""
    reason, made = FORGED[name]

    assert not send(made(clusters))
    assert refusals() == [reason]
    assert not home.store.exists()


def test_what_is_replayed_too_late_is_done_with(home, clusters, send, refusals):
    """It grows no younger: acknowledged, counted, and not acted on."""
    assert send(clusters.signed(time=ago(700)).encode())
    assert refusals() == ["stale"]
    assert not home.store.exists()


def test_a_rotated_key_counts_at_once_and_the_old_one_no_more(
    home, clusters, send, refusals, monkeypatch
):
    """A new key is looked for when it is first seen, though not at every unknown one."""
    assert send(clusters.signed().encode())
    old = clusters.signed(id="event-2").encode()
    clusters.register("gke-us")
    new = clusters.signed(id="event-3").encode()
    assert not send(new)  # the registry was read a moment ago
    moment = time.time
    monkeypatch.setattr(time, "time", lambda: moment() + 6)

    assert send(new)
    assert not send(old)
    assert refusals() == ["unknown-key", "unknown-key"]


def test_a_registry_that_cannot_be_read_refuses_nobody(home, clusters, send, monkeypatch):
    """The event comes again; it is neither acted on nor lost."""
    monkeypatch.setenv("FEDINGRESS_SOURCES", "cluster")
    monkeypatch.setenv("FEDINGRESS_KUBECONFIG", str(home.sources / "missing"))

    assert not send(clusters.signed().encode())
    assert not home.store.exists()


def test_other_ways_are_no_way(home, google, amazon, refusals):
    """A subscription or topic that was not named delivers nothing, whatever the event says."""
    assert google("fanout").post("/", json=push(event(), "projects/x/subscriptions/y")).status_code
    amazon("fanout")(records(notification(event(), "arn:aws:sns:eu-west-1:1:other")), None)
    amazon("fanout")(records(json.dumps({"Type": "Notification", "Message": "{}"})), None)

    assert refusals()[:2] == ["unknown-topic", "unknown-topic"]
    assert len(refusals()) == 3
    assert not home.store.exists()


def test_only_fan_out_hears_of_clusters(home, clusters, google, refusals):
    """The door of another concern takes no event by their way, even a good one."""
    answer = google("dns").post("/", json=push(clusters.signed().encode(), CHANGES))

    assert (answer.status_code, refusals()) == (403, ["wrong-concern"])


class TestTokens:
    """HTTP doors, called with identity tokens."""

    BODIES = (
        ("fanout", push(event())),
        ("tick", {}),
        ("repair", {"concern": "fanout", "unit": UNITS["fanout"]}),
    )

    @pytest.fixture
    def verifying(self, home, monkeypatch):
        """The doors verify tokens, with our issuer's keys."""
        home.submit()
        monkeypatch.setenv("FEDINGRESS_TOKENS", "verify")
        monkeypatch.setenv("FEDINGRESS_CALLERS", EMAIL)
        monkeypatch.setenv("FEDINGRESS_AUDIENCE", AUDIENCE)
        monkeypatch.setattr(tokens.Tokens.__init__, "__kwdefaults__", self.defaults())

    @staticmethod
    def defaults():
        return {"get": lambda _url: FORGE.served(), "monotonic": time.monotonic}

    @pytest.mark.parametrize(("door", "body"), BODIES)
    def test_a_good_token_opens(self, verifying, google, door, body):
        """Pushes, ticks and repairs of those who may."""
        headers = {"Authorization": f"Bearer {FORGE.issue()}"}
        assert google(door).post("/", json=body, headers=headers).status_code < 300

    @pytest.mark.parametrize("call", BODIES)
    @pytest.mark.parametrize(
        "wrong",
        [
            ("", 401, "no-token"),
            ("Basic eDp5", 401, "no-token"),
            ("Bearer x", 401, "bad-token"),
            (f"Bearer {FORGE.issue(aud='https://other.example')}", 401, "bad-token"),
            (f"Bearer {FORGE.issue(exp=1, iat=0)}", 401, "bad-token"),
            (f"Bearer {Forge().issue()}", 401, "bad-token"),
            (f"Bearer {FORGE.issue(email='other@lab.example')}", 403, "wrong-caller"),
            (f"Bearer {FORGE.issue(email_verified=False)}", 403, "wrong-caller"),
        ],
    )
    @pytest.mark.usefixtures("verifying")
    def test_no_other_token_opens(self, home, google, refusals, call, wrong):
        """Refused before the body is read, and the store is not touched."""
        (door, body), (header, status, reason) = call, wrong
        answer = google(door).post("/", json=body, headers={"Authorization": header})

        assert (answer.status_code, refusals()) == (status, [reason])
        assert not home.store.exists()

    @pytest.mark.parametrize("call", BODIES)
    @pytest.mark.parametrize("missing", ["CALLERS", "AUDIENCE"])
    @pytest.mark.usefixtures("verifying")
    def test_a_door_without_a_list_is_closed(self, home, google, monkeypatch, call, missing):
        """Nobody said who may call, so nobody may; the answer says what to set."""
        door, body = call
        monkeypatch.delenv(f"FEDINGRESS_{missing}")
        headers = {"Authorization": f"Bearer {FORGE.issue()}"}
        answer = google(door).post("/", json=body, headers=headers)

        assert answer.status_code == 503
        assert "FEDINGRESS_CALLERS and FEDINGRESS_AUDIENCE" in answer.text
        assert not home.store.exists()

    @pytest.mark.parametrize(
        "call",
        [
            (EMAIL, "Bearer {}", 204),
            ("other@lab.example", "Bearer {}", 403),
            (EMAIL, "", 401),
        ],
    )
    def test_behind_a_platform_that_verifies(self, home, google, monkeypatch, call):
        """Its tokens come without signature; whose they are is looked at all the same."""
        email, header, status = call
        home.submit()
        monkeypatch.setenv("FEDINGRESS_CALLERS", EMAIL)
        token = ".".join([*FORGE.issue(email=email).split(".")[:2], "SIGNATURE_REMOVED_BY_GOOGLE"])
        headers = {"Authorization": header.format(token)}

        answer = google("fanout").post("/", json=push(event()), headers=headers)
        assert answer.status_code == status


class TestNotifications:
    """SQS bodies that SNS has signed, or not."""

    @pytest.fixture
    def verifying(self, home, monkeypatch):
        """The doors verify notifications, with our signer's certificate."""
        home.submit()
        monkeypatch.setenv("FEDINGRESS_SNS_SIGNATURES", "verify")
        monkeypatch.setattr(sns_signatures.SnsSignatures.__init__, "__defaults__", (SNS,))

    @pytest.mark.parametrize("version", ["1", "2"])
    def test_what_sns_signed_is_acted_on(self, verifying, home, amazon, version):
        """Both versions of its signature."""
        body = json.dumps(SNS.notification(event(), WORK_TOPIC, version=version))

        assert failed(amazon("fanout")(records(body), None)) == []
        assert home.done("fanout") == 1

    @pytest.mark.parametrize(
        "made",
        [
            lambda: json.loads(notification(event())),
            lambda: SNS.notification(event(), WORK_TOPIC) | {"Signature": "FAKE"},
            lambda: SnsSigner().notification(event(), WORK_TOPIC),
            lambda: SNS.notification(event(), CHANGES_TOPIC) | {"TopicArn": WORK_TOPIC},
        ],
        ids=["unsigned", "fake", "another key", "another topic"],
    )
    def test_nothing_else_is(self, verifying, home, amazon, refusals, made):
        """An envelope that somebody else wrote never passes for one of the work's topic."""
        assert failed(amazon("fanout")(records(json.dumps(made())), None)) == ["m0"]
        assert refusals() == ["bad-sns-signature"]
        assert not home.store.exists()
