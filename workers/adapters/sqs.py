"""The queue on Amazon SQS, or on a server that speaks its protocol. boto3 blocks, so it lives in threads, here only.

Queues: `<prefix>-p1` … `<prefix>-p4` and `<prefix>-dlq`. A message that was received `MAX_RECEIVES` times without
being deleted goes to the DLQ by SQS itself.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from workers.adapters.threads import DaemonThreads
from workers.errors import QueueUnavailable
from workers.hints import Message, epitaph, hint_attributes, hint_body
from workers.log import get_logger
from workers.model import PRIORITIES, Hint
from workers.ports import Received
from workers.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, MessageTypeDef

T = TypeVar("T")

log = get_logger("sqs")

DLQ = "dlq"
MAX_RECEIVES = 5
DLQ_RETENTION = timedelta(days=14)  # the most that SQS keeps anything
VISIBILITY = timedelta(seconds=60)
"""How long a received message is hidden: dispatching takes seconds, and a consumer that died is soon replaced."""

# Limits of SQS (developer guide, "message quotas").
_DELAY_LIMIT = timedelta(minutes=15)
_WAIT_LIMIT = timedelta(seconds=20)
_BATCH_LIMIT = 10

_CALL_LIMIT = timedelta(seconds=10)
_CONFIG = Config(
    connect_timeout=3,
    read_timeout=_WAIT_LIMIT.total_seconds() + 5,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=20,
)


class SqsQueue:
    """Implements `ports.Queue`. Every call ends within its wait and 10 seconds, or raises `QueueUnavailable`."""

    def __init__(self, settings: Settings, *, visibility: timedelta = VISIBILITY) -> None:
        self._settings = settings
        self._visibility = visibility
        self._threads = DaemonThreads(limit=20)
        self._client: SQSClient | None = None
        self._connecting = Lock()
        self._urls: dict[str, str] = {}

    async def ensure_queues(self) -> None:
        """Create what is missing, and set what our promises rest on: redrive, and how long the DLQ keeps."""
        await self._call("ensure queues", self._ensure)

    async def send(self, hint: Hint, *, delay: timedelta = timedelta(0)) -> None:
        """Send one hint to its priority's queue."""
        await self._call(
            "send",
            lambda client: client.send_message(
                QueueUrl=self._url(client, f"p{hint.priority}"),
                MessageBody=hint_body(hint),
                DelaySeconds=_seconds(delay, _DELAY_LIMIT),
                MessageAttributes=_typed(hint_attributes(hint)),
            )["MessageId"],  # without one it was not SQS that answered
        )

    async def receive(self, queue: str, *, limit: int, wait: timedelta) -> Sequence[Received]:
        """Receive up to `limit` messages, waiting for the first one in whole seconds (rounded up, at most 20).

        Safe to cancel: what arrives for nobody is made visible again at once.
        """
        seconds = _seconds(wait, _WAIT_LIMIT)

        def receive(client: SQSClient) -> Sequence[Message]:
            answer = client.receive_message(
                QueueUrl=self._url(client, queue),
                MaxNumberOfMessages=max(1, min(limit, _BATCH_LIMIT)),
                WaitTimeSeconds=seconds,
                VisibilityTimeout=math.ceil(self._visibility.total_seconds()),
                MessageAttributeNames=["All"],
            )
            return [_message(queue, message) for message in answer.get("Messages", [])]

        limit_of_call = _CALL_LIMIT + timedelta(seconds=seconds)
        return await self._call("receive", receive, within=limit_of_call, on_abandoned=self._give_back)

    async def delete(self, message: Received) -> None:
        """Delete a received message. One that was received again meanwhile belongs to its new receiver and stays."""
        await self._call("delete", lambda client: self._delete(client, message))

    async def bury(self, message: Received, reason: str) -> None:
        """Put the raw body on the DLQ, with the reason and where it came from as attributes; then delete the message.

        A body at the size limit leaves no room for attributes and goes without them. SQS takes no empty body:
        a single space stands for it, and the attribute `is_empty` says so.
        """
        await self._call("bury", lambda client: self._bury(client, message, reason))

    async def depths(self) -> dict[str, int]:
        """Count the visible messages by queue, as SQS approximates them."""
        names = [*(f"p{priority}" for priority in PRIORITIES), DLQ]
        counts = await asyncio.gather(*(self._call("depth", partial(self._depth, name)) for name in names))
        return dict(zip(names, counts, strict=True))

    async def close(self) -> None:
        """Close the client's connections."""
        if self._client is not None:
            await self._threads.run(self._client.close)

    async def _call(
        self,
        what: str,
        work: Callable[[SQSClient], T],
        *,
        within: timedelta = _CALL_LIMIT,
        on_abandoned: Callable[[T], None] | None = None,
    ) -> T:
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await self._threads.run(lambda: work(self._connect()), on_abandoned=on_abandoned)
        except TimeoutError:
            raise QueueUnavailable(f"SQS did not answer within {within.total_seconds():g} s ({what}).") from None
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            if "NonExistentQueue" in code or "QueueDoesNotExist" in code:
                self._urls.clear()
            raise QueueUnavailable(f"SQS refused ({what}): {code}.") from error
        except BotoCoreError as error:
            raise QueueUnavailable(f"SQS is away ({what}): {type(error).__name__}.") from error
        except (KeyError, ValueError) as error:
            raise QueueUnavailable(f"What answers is not SQS ({what}).") from error

    def _connect(self) -> SQSClient:
        with self._connecting:
            if self._client is None:
                self._client = _client(self._settings)
            return self._client

    def _url(self, client: SQSClient, queue: str) -> str:
        if queue not in self._urls:
            self._urls[queue] = client.get_queue_url(QueueName=self._name(queue))["QueueUrl"]
        return self._urls[queue]

    def _name(self, queue: str) -> str:
        return f"{self._settings.queue_prefix}-{queue}"

    def _ensure(self, client: SQSClient) -> None:
        self._urls.clear()  # they may have gone and come back elsewhere
        dead_letters = self._ensure_queue(
            client, DLQ, {"MessageRetentionPeriod": str(round(DLQ_RETENTION.total_seconds()))}
        )
        redrive = {"deadLetterTargetArn": dead_letters["QueueArn"], "maxReceiveCount": str(MAX_RECEIVES)}
        for priority in PRIORITIES:
            self._ensure_queue(client, f"p{priority}", {"RedrivePolicy": json.dumps(redrive)})

    def _ensure_queue(
        self, client: SQSClient, queue: str, wanted: Mapping[QueueAttributeNameType, str]
    ) -> Mapping[QueueAttributeNameType, str]:
        """Create the queue, or set the wanted attributes that it lacks; the rest stays as its operator set it."""
        try:
            url = self._url(client, queue)
        except client.exceptions.QueueDoesNotExist:
            url = client.create_queue(QueueName=self._name(queue), Attributes=wanted)["QueueUrl"]
            self._urls[queue] = url
            log.info("queue.created", queue=self._name(queue))
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        if lacking := {key: value for key, value in wanted.items() if not _is_same(found.get(key), value)}:
            client.set_queue_attributes(QueueUrl=url, Attributes=lacking)
            log.info("queue.changed", queue=self._name(queue), attributes=sorted(lacking))
        return found

    def _delete(self, client: SQSClient, message: Received) -> None:
        try:
            client.delete_message(QueueUrl=self._url(client, message.queue), ReceiptHandle=message.receipt)
        except client.exceptions.ReceiptHandleIsInvalid:
            log.info("message.kept", queue=message.queue, message_id=message.message_id, why="received again meanwhile")

    def _bury(self, client: SQSClient, message: Received, reason: str) -> None:
        url = self._url(client, DLQ)
        attributes = _typed(epitaph(message, reason))
        try:
            client.send_message(QueueUrl=url, MessageBody=message.body or " ", MessageAttributes=attributes)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in ("InvalidParameterValue", "InvalidMessageContents"):
                raise
            client.send_message(QueueUrl=url, MessageBody=message.body or " ")
            log.warning("message.buried_without_reason", message_id=message.message_id, queue=message.queue)
        self._delete(client, message)

    def _depth(self, queue: str, client: SQSClient) -> int:
        attribute: QueueAttributeNameType = "ApproximateNumberOfMessages"
        answer = client.get_queue_attributes(QueueUrl=self._url(client, queue), AttributeNames=[attribute])
        return int(answer["Attributes"][attribute])

    def _give_back(self, messages: Sequence[Received]) -> None:
        for message in messages:
            try:
                self._connect().change_message_visibility(
                    QueueUrl=self._urls[message.queue], ReceiptHandle=message.receipt, VisibilityTimeout=0
                )
            except (BotoCoreError, ClientError, KeyError) as error:
                log.info("message.left", message_id=message.message_id, why=type(error).__name__)


def _client(settings: Settings) -> SQSClient:
    session = boto3.session.Session(region_name=settings.sqs_region)
    if not _is_loopback(settings.sqs_endpoint):
        return session.client("sqs", endpoint_url=settings.sqs_endpoint, config=_CONFIG)
    # A server on this machine checks no credentials, but boto3 insists on some; looking for real ones would ask
    # the network. No proxy leads to the loopback either.
    return session.client(
        "sqs",
        endpoint_url=settings.sqs_endpoint,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 (a word, not a password)
        config=_CONFIG.merge(Config(proxies={})),
    )


def _is_loopback(endpoint: str | None) -> bool:
    return endpoint is not None and urlsplit(endpoint).hostname in ("127.0.0.1", "localhost", "::1")


def _seconds(duration: timedelta, limit: timedelta) -> int:
    return math.ceil(min(max(duration, timedelta(0)), limit).total_seconds())


def _typed(attributes: Mapping[str, str]) -> dict[str, MessageAttributeValueTypeDef]:
    return {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}


def _message(queue: str, message: MessageTypeDef) -> Message:
    attributes = message.get("MessageAttributes", {})
    return Message(
        body=message.get("Body", ""),
        message_id=message.get("MessageId", ""),
        queue=queue,
        receipt=message.get("ReceiptHandle", ""),
        attributes={name: value["StringValue"] for name, value in attributes.items() if "StringValue" in value},
    )


def _is_same(found: str | None, wanted: str) -> bool:
    """Compare attributes; SQS gives a redrive policy back with other spaces and types."""
    if found is None or not wanted.startswith("{"):
        return found == wanted
    return {k: str(v) for k, v in json.loads(found).items()} == {k: str(v) for k, v in json.loads(wanted).items()}
