"""
The bus on AWS: one SNS topic, one SQS queue per concern behind a filter policy.

Called by the concerns and the watchers of the AWS home. SNS has no delayed messages and SQS has
them up to 900 s: a work with a delay goes straight to its concern's queue when that is known.
A longer delay, or one without a known queue, is not sent: the need stands in the store (`due_at`,
written before anything is published), and the first tick after that time publishes it.

Source: Amazon SNS, PublishBatch, "Message filtering"; Amazon SQS, SendMessageBatch (DelaySeconds).
"""

# ruff: noqa: PLC0415  the SDK is loaded by the first publication, not by every cold start

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from fedingress.adapters.buses.messages import Message, Sign, chunks, message
from fedingress.domain.errors import Forbidden, Unavailable
from fedingress.domain.work import Work

_MOST: Final = 10
"""Entries of one batch, at SNS and at SQS."""
_TRIES: Final = 2
"""How often a batch's failed entries are sent."""
_LONGEST_DELAY: Final = 900
_WHY: Final = 256
_REFUSALS: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

Send = Callable[[list[dict[str, Any]]], Mapping[str, Any]]


class SnsBus:
    """
    The port `Bus` on the topic *topic_arn*, in the region that stands in it.

    source: names this instance in the events.   queues: the URL of a concern's queue, for delays.
    sign: puts a signature on each event.
    Endpoint and credentials are found as boto3 finds them.
    """

    def __init__(
        self,
        topic_arn: str,
        source: str,
        *,
        queues: Mapping[str, str] | None = None,
        sign: Sign | None = None,
    ) -> None:
        self.topic_arn = topic_arn
        self.source = source
        self.queues = queues or {}
        self._sign = sign
        self._region = topic_arn.split(":")[3]
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def publish(self, works: Iterable[Work]) -> None:
        """
        Publish each work, the delayed ones into their queues; others are left to the tick.

        Raises:
            Unavailable: SNS or SQS did not accept all of them, or there is no such topic or queue.
            Forbidden: There are no credentials, or they may not publish.
        """
        soon: list[Message] = []
        late: dict[str, list[Message]] = {}
        for work in works:
            queue = self.queues.get(work.concern, "")
            if work.delay_seconds <= 0:
                soon.append(message(work, self.source, self._sign))
            elif queue and work.delay_seconds <= _LONGEST_DELAY:
                late.setdefault(queue, []).append(message(work, self.source, self._sign))
        _send_all(self.topic_arn, self._notify, [_notification(each) for each in soon])
        for url, messages in late.items():
            _send_all(url, self._enqueuing(url), [_delayed(each) for each in messages])

    def close(self) -> None:
        """Drop the connections; a later publication makes new ones."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _notify(self, entries: list[dict[str, Any]]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._client("sns").publish_batch(
            TopicArn=self.topic_arn, PublishBatchRequestEntries=entries
        )
        return answer

    def _enqueuing(self, url: str) -> Send:
        def enqueue(entries: list[dict[str, Any]]) -> Mapping[str, Any]:
            answer: Mapping[str, Any] = self._client("sqs").send_message_batch(
                QueueUrl=url, Entries=entries
            )
            return answer

        return enqueue

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                from boto3.session import Session
                from botocore.config import Config

                config = Config(
                    connect_timeout=3,
                    read_timeout=5,
                    retries={"mode": "standard", "total_max_attempts": 2},
                )
                self._clients[service] = Session().client(
                    service, region_name=self._region, config=config
                )
            return self._clients[service]


def _notification(sent: Message) -> dict[str, Any]:
    return {
        "Id": sent.id,
        "Message": sent.text,
        "MessageAttributes": _attributes(sent),
    }


def _delayed(sent: Message) -> dict[str, Any]:
    return {
        "Id": sent.id,
        "MessageBody": sent.text,
        "MessageAttributes": _attributes(sent),
        "DelaySeconds": math.ceil(sent.work.delay_seconds),
    }


def _attributes(sent: Message) -> dict[str, Any]:
    return {
        name: {"DataType": "String", "StringValue": value}
        for name, value in sent.attributes.items()
    }


def _send_all(where: str, send: Send, entries: Sequence[dict[str, Any]]) -> None:
    """Send batch by batch; what fails within an accepted batch is sent once more."""
    for chunk in chunks(entries, _MOST):
        left = chunk
        for _ in range(_TRIES):
            with _aws_errors(where):
                failed = {each["Id"]: each for each in send(left).get("Failed") or ()}
            left = [entry for entry in left if entry["Id"] in failed]
            if not left:
                break
        else:
            said = failed[left[0]["Id"]]
            raise _translated(where, said.get("Code", ""), said.get("Message", ""))


@contextmanager
def _aws_errors(where: str) -> Iterator[None]:
    """Raise port errors for everything that botocore raises within."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        said = error.response.get("Error", {})
        raise _translated(where, said.get("Code", ""), str(error)) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise Forbidden(f"publish to {where}: {error}") from error
    except exceptions.BotoCoreError as error:
        raise Unavailable(f"publish to {where}: {str(error)[:_WHY]}") from error


def _translated(where: str, code: str, text: str) -> Forbidden | Unavailable:
    why = f"publish to {where}: {code or 'failed'}: {' '.join(text.split())[:_WHY]}"
    return Forbidden(why) if code in _REFUSALS else Unavailable(why)
