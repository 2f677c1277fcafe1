"""
The bus on Google Cloud: one Pub/Sub topic, one push subscription with a filter per concern.

Called by the concerns and the watchers of the Google Cloud home. One call publishes all works and
returns when Pub/Sub has accepted them; the batching publisher of the client library is not used,
because it answers before that and sends from a thread that a function's CPU may not be given to.

Pub/Sub has no delayed messages: a work with a delay is not published. Its need stands in the store
(`due_at`, written before anything is published), and the first tick after that time publishes it.

Source: Pub/Sub, "Publish messages to topics" (at most 1000 messages in a call), "Filter messages".
"""

# ruff: noqa: PLC0415  the SDK is loaded by the first publication, not by every cold start

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from fedingress.adapters.buses.messages import Sign, chunks, message
from fedingress.domain.errors import Forbidden, Unavailable
from fedingress.domain.work import Work

_MOST: Final = 1000
_TIMEOUT_SECONDS: Final = 10.0
_WHY: Final = 256
_PLAIN: Final = "http://"


class PubSubBus:
    """
    The port `Bus` on `projects/PROJECT/topics/TOPIC`.

    source: names this instance in the events.   endpoint: other than Google's own; `http://` is
    spoken in plain text and without credentials, as emulators want it.   sign: puts a signature on
    each event.
    timeout_seconds: of one publication, tries included.
    """

    def __init__(
        self,
        project: str,
        topic: str,
        source: str,
        *,
        endpoint: str = "",
        sign: Sign | None = None,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        self.topic = f"projects/{project}/topics/{topic}"
        self.source = source
        self.endpoint = endpoint
        self._sign = sign
        self.timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._client: Any = None

    def publish(self, works: Iterable[Work]) -> None:
        """
        Publish each work that is wanted at once; the others are left to the tick.

        Raises:
            Unavailable: Pub/Sub did not accept all of them, or there is no such topic.
            Forbidden: There are no credentials, or they may not publish.
        """
        ready = [
            message(work, self.source, self._sign) for work in works if work.delay_seconds <= 0
        ]
        for chunk in chunks(ready, _MOST):
            messages = [
                {"data": each.text.encode(), "attributes": dict(each.attributes)} for each in chunk
            ]
            with _pubsub_errors(self.topic):
                self._connected().publish(
                    topic=self.topic,
                    messages=messages,
                    retry=_retry(self.timeout_seconds),
                    timeout=self.timeout_seconds,
                )

    def close(self) -> None:
        """Drop the connection; a later publication makes a new one."""
        with self._lock:
            if self._client is not None:
                self._client.transport.close()
                self._client = None

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _client(self.endpoint)
            return self._client


def _client(endpoint: str) -> Any:
    from google.pubsub_v1.services.publisher import PublisherClient
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

    if endpoint.startswith(_PLAIN):
        import grpc

        # a proxy of the environment would be asked for loopback addresses too
        channel = grpc.insecure_channel(
            endpoint.removeprefix(_PLAIN).rstrip("/"), options=[("grpc.enable_http_proxy", 0)]
        )
        return PublisherClient(transport=PublisherGrpcTransport(channel=channel))
    host = endpoint.removeprefix("https://").rstrip("/")
    return PublisherClient(client_options={"api_endpoint": host} if host else None)


def _retry(timeout_seconds: float) -> Any:
    """Again while Pub/Sub is busy, until the time is over; a doubled event does no harm."""
    from google.api_core import exceptions, retry

    return retry.Retry(
        predicate=retry.if_exception_type(
            exceptions.Aborted,
            exceptions.InternalServerError,
            exceptions.ResourceExhausted,
            exceptions.ServiceUnavailable,
            exceptions.Unknown,
        ),
        initial=0.1,
        maximum=2.0,
        timeout=timeout_seconds,
    )


@contextmanager
def _pubsub_errors(topic: str) -> Iterator[None]:
    """Raise port errors for everything that Google's client raises within."""
    from google.api_core import exceptions
    from google.auth import exceptions as auth

    try:
        yield
    except (exceptions.Forbidden, exceptions.Unauthorized, auth.DefaultCredentialsError) as error:
        raise Forbidden(_why(topic, error)) from error
    except (exceptions.GoogleAPIError, auth.GoogleAuthError) as error:
        raise Unavailable(_why(topic, error)) from error


def _why(topic: str, error: Exception) -> str:
    return f"publish to {topic}: {' '.join(str(error).split())[:_WHY]}"
