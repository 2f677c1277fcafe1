"""What users of Pub/Sub rely on: the same battery on our stand-in and on Google's emulator."""

import base64
import itertools
import time
import urllib.error
import urllib.request

import pytest
from google.api_core import exceptions
from google.protobuf.duration_pb2 import Duration

pytestmark = pytest.mark.wire
POISON = 5


def seconds(value):
    whole = int(value)
    return Duration(seconds=whole, nanos=int((value - whole) * 1e9))


def retries(first, last):
    return {"minimum_backoff": seconds(first), "maximum_backoff": seconds(last)}


def soon(desk):
    """A policy that retries at once; the official emulator is quicker without any."""
    return {} if desk.place.official else {"retry_policy": retries(0.1, 0.2)}


def pushing(inbox, path="/"):
    return {"push_endpoint": inbox.url + path}


def unless_official(desk, why):
    if desk.place.official:
        pytest.skip(f"the official emulator {why}")


class TestNames:
    """What there is, and what there is not."""

    def test_a_topic_is_made_once(self, desk):
        """A second topic of the name is refused, and the first is listed."""
        topic = desk.topic()
        with pytest.raises(exceptions.AlreadyExists):
            desk.publisher.create_topic(name=topic)

        listed = desk.publisher.list_topics(project=f"projects/{desk.project}")
        assert [each.name for each in listed] == [topic]

    def test_what_is_not_there_is_not_found(self, desk):
        """Publishing to, reading from and subscribing to nothing is NotFound."""
        topic, subscription = desk.topic("here"), f"projects/{desk.project}/subscriptions/none"
        missing = topic.replace("here", "missing")
        with pytest.raises(exceptions.NotFound):
            desk.publish(missing, "a")
        with pytest.raises(exceptions.NotFound):
            desk.subscription(missing)
        with pytest.raises(exceptions.NotFound):
            desk.subscriber.get_subscription(subscription=subscription)

    @pytest.mark.parametrize("name", ["ab", "1abc", "goog-topic", "with space"])
    def test_odd_names_are_refused(self, desk, name):
        """Names are three letters and more, begin with one, and are not Google's."""
        with pytest.raises(exceptions.InvalidArgument):
            desk.publisher.create_topic(name=f"projects/{desk.project}/topics/{name}")

    def test_an_empty_message_is_refused(self, desk):
        """A message needs data or attributes, and with it falls the whole call."""
        topic = desk.topic()
        reader = desk.subscription(topic)
        with pytest.raises(exceptions.InvalidArgument):
            desk.publisher.publish(topic=topic, messages=[{"data": b"a"}, {}])
        desk.publish(topic, "b")

        assert [each.message.data for each in desk.pull(reader)] == [b"b"]

    def test_a_deleted_topic_leaves_its_subscriptions(self, desk):
        """They stay, and show that their topic is gone."""
        topic = desk.topic()
        reader = desk.subscription(topic)
        desk.publisher.delete_topic(topic=topic)

        assert desk.subscriber.get_subscription(subscription=reader).topic == "_deleted-topic_"


class TestPulling:
    """Messages that are fetched."""

    def test_each_subscription_gets_each_message_once(self, desk):
        """Data, attributes and ids arrive; what was acknowledged does not come again."""
        topic = desk.topic()
        readers = [desk.subscription(topic, name) for name in ("one", "two")]
        ids = desk.publish(topic, "a", "b", concern="dns")

        for reader in readers:
            found = desk.pull(reader)
            found += desk.pull(reader) if len(found) < 2 else []
            assert {(m.message.data, m.message.message_id) for m in found} == {
                (b"a", ids[0]),
                (b"b", ids[1]),
            }
            assert dict(found[0].message.attributes) == {"concern": "dns"}
            desk.acknowledge(reader, *found)
            assert desk.pull(reader, seconds=0.3) == []

    def test_what_is_given_back_comes_at_once(self, desk):
        """A deadline of zero is a refusal; the message keeps its id."""
        topic = desk.topic()
        reader = desk.subscription(topic)
        desk.publish(topic, "a")
        first = desk.pull(reader)[0]
        desk.subscriber.modify_ack_deadline(
            subscription=reader, ack_ids=[first.ack_id], ack_deadline_seconds=0
        )

        again = desk.pull(reader)[0]
        assert again.message.message_id == first.message.message_id
        assert again.ack_id != first.ack_id

    def test_a_deadline_that_passes_gives_back(self, desk):
        """One moved to a second from now ends the delivery then, not before."""
        topic = desk.topic()
        reader = desk.subscription(topic)
        desk.publish(topic, "a")
        first = desk.pull(reader)[0]
        began = time.monotonic()
        desk.subscriber.modify_ack_deadline(
            subscription=reader, ack_ids=[first.ack_id], ack_deadline_seconds=1
        )

        assert desk.pull(reader)[0].message.message_id == first.message.message_id
        assert time.monotonic() - began >= 0.9

    def test_streaming_pull(self, desk):
        """The client library's subscriber gets everything, and what it refuses again."""
        from google.cloud import pubsub_v1

        topic = desk.topic()
        reader = desk.subscription(topic)
        desk.publish(topic, *(str(n) for n in range(200)))
        refused, done = set(), set()

        def take(message):
            if message.data not in refused:
                refused.add(message.data)
                message.nack()
            else:
                done.add(message.data)
                message.ack()

        client = pubsub_v1.SubscriberClient(transport=desk.subscriber.transport)
        future = client.subscribe(reader, callback=take)
        deadline = time.monotonic() + 20
        while len(done) < 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        future.cancel()
        future.result(timeout=20)

        assert len(done) == 200

    def test_dead_letters_are_counted_and_named(self, desk):
        """After five refusals the message stands in the other topic, and says where it is from."""
        topic, dead = desk.topic(), desk.topic("dead")
        graves = desk.subscription(dead, "graves")
        policy = {"dead_letter_topic": dead, "max_delivery_attempts": POISON}
        reader = desk.subscription(topic, dead_letter_policy=policy)
        desk.publish(topic, "poison", concern="dns")
        attempts = []
        for _ in range(POISON):
            found = desk.pull(reader)[0]
            attempts.append(found.delivery_attempt)
            desk.subscriber.modify_ack_deadline(
                subscription=reader, ack_ids=[found.ack_id], ack_deadline_seconds=0
            )

        assert desk.pull(reader, seconds=0.3) == []  # the official emulator buries at a pull
        buried = desk.pull(graves)[0].message
        assert attempts == [1, 2, 3, 4, 5]
        assert buried.data == b"poison"
        assert buried.attributes["concern"] == "dns"
        prefix = "CloudPubSubDeadLetterSource"
        assert buried.attributes[f"{prefix}DeliveryCount"] == "5"
        assert buried.attributes[f"{prefix}Subscription"] == "reader"
        assert buried.attributes[f"{prefix}SubscriptionProject"] == desk.project


class TestPushing:
    """Messages that are brought."""

    def test_the_envelope(self, desk, inbox):
        """Data is base64 under `message`, beside ids, attributes and the subscription's name."""
        topic = desk.topic()
        reader = desk.subscription(topic, push_config=pushing(inbox, "/projects/p/topics/t"))
        [message_id] = desk.publish(topic, "größe", concern="dns")

        [push] = inbox.wait_for(lambda all_: all_)
        message = push.body["message"]
        assert push.path == "/projects/p/topics/t"
        assert push.headers["Content-Type"].startswith("application/json")
        assert push.body["subscription"] == reader
        assert base64.b64decode(message["data"]).decode() == "größe"
        assert message["attributes"] == {"concern": "dns"}
        assert message["messageId"] == message["message_id"] == message_id
        assert message["publishTime"] == message["publish_time"]
        assert "deliveryAttempt" not in push.body

    @pytest.mark.parametrize("status", [200, 201, 202, 204])
    def test_success_acknowledges(self, desk, inbox, status):
        """Each status of success ends the delivery."""
        inbox.answer = lambda *_: status
        topic = desk.topic()
        desk.subscription(topic, push_config=pushing(inbox), **soon(desk))
        desk.publish(topic, "a")
        inbox.wait_for(lambda all_: all_)
        desk.publish(topic, "b")
        inbox.wait_for(lambda all_: len(all_) >= 2)

        assert [base64.b64decode(p.body["message"]["data"]) for p in inbox.pushes] == [b"a", b"b"]

    @pytest.mark.parametrize("status", [301, 400, 429, 500, 503])
    def test_anything_else_is_pushed_again(self, desk, inbox, status):
        """Other statuses are refusals, whatever they mean elsewhere; the id stays."""
        if status != 503:
            unless_official(desk, "waits a second before each try: one status is enough")
        inbox.answer = lambda *_: 204 if len(inbox.pushes) >= 2 else status
        topic = desk.topic()
        desk.subscription(topic, push_config=pushing(inbox), **soon(desk))
        desk.publish(topic, "a")

        found = inbox.wait_for(lambda all_: any(push.answer == 204 for push in all_))
        assert [push.answer for push in found] == [status, status, 204]
        assert len({push.body["message"]["messageId"] for push in found}) == 1

    def test_the_retry_policy_is_kept(self, desk, inbox):
        """The second try waits the least back-off, later ones longer, up to the most."""
        unless_official(desk, "rounds back-offs up to two seconds and more")
        inbox.answer = lambda *_: 204 if len(inbox.pushes) >= 3 else 500
        topic = desk.topic()
        desk.subscription(topic, push_config=pushing(inbox), retry_policy=retries(0.4, 0.8))
        desk.publish(topic, "a")

        found = inbox.wait_for(lambda all_: len(all_) == 4)
        pauses = [later.at - sooner.at for sooner, later in itertools.pairwise(found)]
        assert pauses[0] >= 0.4
        assert all(pause >= 0.8 for pause in pauses[1:])

    def test_nobody_listening_is_a_refusal(self, desk, inbox):
        """A message waits for an endpoint that comes later."""
        inbox.close()
        topic = desk.topic()
        reader = desk.subscription(topic, push_config=pushing(inbox), **soon(desk))
        desk.publish(topic, "a")
        later = type(inbox)()
        try:
            desk.subscriber.modify_push_config(
                subscription=reader, push_config={"push_endpoint": later.url + "/"}
            )
            later.wait_for(lambda all_: all_)
        finally:
            later.close()

    def test_dead_letters_after_five_pushes(self, desk, inbox):
        """A message that is always refused goes to the dead letter topic, once."""
        inbox.answer = lambda *_: 400
        topic, dead = desk.topic(), desk.topic("dead")
        graves = desk.subscription(dead, "graves")
        desk.subscription(
            topic,
            push_config=pushing(inbox),
            **soon(desk),
            dead_letter_policy={"dead_letter_topic": dead, "max_delivery_attempts": POISON},
        )
        desk.publish(topic, "poison")

        assert desk.pull(graves)[0].message.data == b"poison"
        assert len(inbox.pushes) == POISON

    def test_pushes_tell_their_attempt(self, desk, inbox):
        """With a dead letter topic the body counts the deliveries."""
        unless_official(desk, "leaves deliveryAttempt out of pushes")
        inbox.answer = lambda *_: 204 if len(inbox.pushes) >= 2 else 503
        topic, dead = desk.topic(), desk.topic("dead")
        desk.subscription(
            topic,
            push_config=pushing(inbox),
            retry_policy=retries(0.05, 0.05),
            dead_letter_policy={"dead_letter_topic": dead, "max_delivery_attempts": POISON},
        )
        desk.publish(topic, "a")

        found = inbox.wait_for(lambda all_: len(all_) == 3)
        assert [push.body["deliveryAttempt"] for push in found] == [1, 2, 3]

    def test_many_pushes_run_at_once(self, desk, inbox):
        """A slow endpoint is not served one by one."""
        unless_official(desk, "has at most two pushes under way")
        inbox.answer = lambda *_: time.sleep(1.0) or 204
        topic = desk.topic()
        desk.subscription(topic, push_config=pushing(inbox))
        began = time.monotonic()
        desk.publish(topic, *(str(n) for n in range(30)))

        inbox.wait_for(lambda all_: len(all_) == 30)
        assert time.monotonic() - began < 30 * 1.0 / 2

    def test_other_callers_get_tokens_of_the_same_kind(self, desk):
        """A scheduler or a person asks as of a metadata server; without its header in vain."""
        unless_official(desk, "gives no tokens")
        from google.auth import jwt

        place = desk.place.identity_url.format(email="me@lab.iam.gserviceaccount.com")
        url = f"{place}?audience=doors"
        asked = urllib.request.Request(url, headers={"Metadata-Flavor": "Google"})
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(asked, timeout=10) as answer:
            claims = jwt.decode(answer.read(), verify=False)
        assert (claims["email"], claims["aud"]) == ("me@lab.iam.gserviceaccount.com", "doors")
        with pytest.raises(urllib.error.HTTPError, match="400"):
            direct.open(url, timeout=10)

    def test_tokens_verify(self, desk, inbox):
        """A push carries an identity token that google-auth verifies by the published keys."""
        unless_official(desk, "sends no Authorization")
        import google.auth.transport.requests
        import requests
        from google.oauth2 import id_token

        topic = desk.topic()
        token = {"service_account_email": "push@lab.iam.gserviceaccount.com", "audience": "doors"}
        desk.subscription(topic, push_config={**pushing(inbox), "oidc_token": token})
        desk.publish(topic, "a")
        [push] = inbox.wait_for(lambda all_: all_)
        kind, _, sent = push.headers["Authorization"].partition(" ")

        with requests.Session() as session:
            session.trust_env = False
            transport = google.auth.transport.requests.Request(session)
            verified = {"audience": "doors", "certs_url": desk.place.certs_url}
            claims = id_token.verify_token(sent, transport, **verified)
            assert kind == "Bearer"
            assert claims["email"] == "push@lab.iam.gserviceaccount.com"
            assert claims["iss"] == "https://accounts.google.com"
            with pytest.raises(ValueError, match="audience"):
                id_token.verify_token(sent, transport, **{**verified, "audience": "other"})
            with pytest.raises(ValueError, match="signature"):
                id_token.verify_token(f"{sent[:-6]}AAAAAA", transport, **verified)
            [key] = session.get(desk.place.jwks_url, timeout=10).json()["keys"]
            assert key["kid"] in session.get(desk.place.certs_url, timeout=10).json()


class TestProperties:
    """What a subscription may be."""

    def test_a_filter_chooses(self, desk, inbox):
        """Messages that do not match are never seen, by pull or by push."""
        unless_official(desk, "does not apply filters")
        topic = desk.topic()
        choice = 'attributes.concern = "dns"'
        reader = desk.subscription(topic, filter=choice)
        desk.subscription(topic, "pushed", filter=choice, push_config=pushing(inbox))
        for concern in ("status", "dns", "fanout"):
            desk.publish(topic, concern, concern=concern)
        desk.publish(topic, "none", other="dns")

        inbox.wait_for(lambda all_: all_)
        assert [each.message.data for each in desk.pull(reader)] == [b"dns"]
        assert desk.pull(reader, seconds=0.3) == []
        assert [push.body["message"]["attributes"] for push in inbox.pushes] == [{"concern": "dns"}]

    def test_some_properties_change_and_some_do_not(self, desk):
        """The ack deadline may be updated, the filter never."""
        reader = desk.subscription(desk.topic(), filter='attributes.a = "b"')
        wanted = {"name": reader, "ack_deadline_seconds": 30, "filter": "attributes:x"}
        update = desk.subscriber.update_subscription
        update(request={"subscription": wanted, "update_mask": {"paths": ["ack_deadline_seconds"]}})
        found = desk.subscriber.get_subscription(subscription=reader)
        assert (found.ack_deadline_seconds, found.filter) == (30, 'attributes.a = "b"')

        unless_official(desk, "lets a filter be changed")
        with pytest.raises(exceptions.InvalidArgument):
            update(request={"subscription": wanted, "update_mask": {"paths": ["filter"]}})

    @pytest.mark.parametrize(
        "wrong", [{"ack_deadline_seconds": 9}, {"ack_deadline_seconds": 601}, {"retry": 601}]
    )
    def test_ranges_are_kept(self, desk, wrong):
        """Deadlines are 10 to 600 seconds, back-offs at most 600."""
        if "retry" in wrong or wrong == {"ack_deadline_seconds": 9}:
            unless_official(desk, "takes any back-off and deadlines below ten seconds")
        if "retry" in wrong:
            wrong = {"retry_policy": retries(1, wrong["retry"])}
        with pytest.raises(exceptions.InvalidArgument):
            desk.subscription(desk.topic(), **wrong)

    @pytest.mark.parametrize("text", ["attributes.a = ", 'a = "b"', "attributes:a extra"])
    def test_odd_filters_are_refused(self, desk, text):
        """What is no filter makes no subscription."""
        unless_official(desk, "reads no filters")
        with pytest.raises(exceptions.InvalidArgument):
            desk.subscription(desk.topic(), filter=text)
