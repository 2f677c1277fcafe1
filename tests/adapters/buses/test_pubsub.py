"""How the Pub/Sub bus takes what Google answers: refusals, haste, silence, missing credentials."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from fedingress.adapters.buses.pubsub import PubSubBus
from fedingress.domain.errors import Forbidden, Unavailable
from fedingress.domain.work import Work

grpc = pytest.importorskip("grpc")
pubsub = pytest.importorskip("google.pubsub_v1").types
pytestmark = pytest.mark.wire
WORK = Work(concern="dns", unit="cloud-dns:lab/example-com", cause="resync")


class Google:
    """A Publisher that answers each call with the next of its *codes*, then accepts."""

    def __init__(self):
        self.codes, self.calls = [], []
        raw = type(pubsub.PublishRequest.pb(pubsub.PublishRequest()))

        def publish(request, context):
            self.calls.append(request)
            if self.codes:
                context.abort(self.codes.pop(0), "said Google")
            return pubsub.PublishResponse(
                message_ids=[str(n) for n in range(len(request.messages))]
            )

        handler = grpc.unary_unary_rpc_method_handler(
            publish, raw.FromString, pubsub.PublishResponse.serialize
        )
        methods = {"Publish": handler}
        self._server = grpc.server(ThreadPoolExecutor(2))
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", methods)]
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def close(self):
        self._server.stop(0).wait()


@pytest.fixture
def google():
    made = Google()
    yield made
    made.close()


@pytest.fixture
def bus(google):
    made = PubSubBus(
        "lab", "work", "//x", endpoint=f"http://127.0.0.1:{google.port}", timeout_seconds=3
    )
    yield made
    made.close()


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL", "ABORTED"])
def test_a_busy_service_is_asked_again(bus, google, code):
    """What passes by itself is tried again, with the same event."""
    google.codes = [getattr(grpc.StatusCode, code)]
    bus.publish([WORK])

    first, second = (call.messages[0].attributes["ce-id"] for call in google.calls)
    assert first == second


@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "UNAUTHENTICATED"])
def test_a_refusal_is_forbidden(bus, google, code):
    """Missing rights are told at once, with the topic and Google's words."""
    google.codes = [getattr(grpc.StatusCode, code)]
    with pytest.raises(Forbidden, match=r"projects/lab/topics/work: 40[13] said Google"):
        bus.publish([WORK])
    assert len(google.calls) == 1


@pytest.mark.parametrize("code", ["NOT_FOUND", "INVALID_ARGUMENT", "FAILED_PRECONDITION"])
def test_other_errors_are_unavailable(bus, google, code):
    """The caller's work stays due, whatever is wrong with the topic."""
    google.codes = [getattr(grpc.StatusCode, code)]
    with pytest.raises(Unavailable, match="topics/work"):
        bus.publish([WORK])


def test_silence_is_unavailable_in_time(google):
    """A Pub/Sub that nobody answers for is given up when the time is over."""
    google.close()
    endpoint = f"http://127.0.0.1:{google.port}"
    bus = PubSubBus("lab", "work", "//x", endpoint=endpoint, timeout_seconds=0.5)
    with pytest.raises(Unavailable):
        bus.publish([WORK])
    bus.close()


def test_a_closed_bus_connects_again(bus, google):
    """Closing drops the connection, not the bus."""
    bus.publish([WORK])
    bus.close()
    bus.publish([WORK])

    assert len(google.calls) == 2


def test_without_credentials_it_is_forbidden(monkeypatch):
    """Credentials that cannot be found are a lack of rights, not a pause."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/key.json")
    with pytest.raises(Forbidden, match="not found"):
        PubSubBus("lab", "work", "//x").publish([WORK])


def test_nothing_to_publish_connects_to_nobody():
    """Without works, or with delayed ones only, no client is made."""
    bus = PubSubBus("lab", "work", "//x", endpoint="http://127.0.0.1:9")
    bus.publish([])
    bus.publish([Work(concern="dns", unit=WORK.unit, cause="due", delay_seconds=1)])

    assert bus._client is None


@pytest.mark.parametrize("module", ["pubsub", "sns"])
def test_the_sdk_is_not_loaded_with_the_bus(module):
    """A cold start that publishes nothing pays for no SDK."""
    code = (
        f"import fedingress.adapters.buses.{module}, sys;"
        "print([name for name in ('google.pubsub_v1', 'grpc', 'boto3') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
