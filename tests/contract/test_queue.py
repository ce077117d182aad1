"""One suite for everything that implements `ports.Queue`: the in-memory twin and SQS."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import boto3
import pytest

from workers.adapters.memory_queue import MemoryQueue
from workers.adapters.sqs import SqsQueue
from workers.model import Hint, JobId
from workers.ports import Queue, Received
from workers.settings import Settings

NOW = timedelta(0)
SOON = timedelta(seconds=5)
BRIEF = timedelta(seconds=1)

Put = Callable[[str, str, dict[str, str]], Awaitable[None]]


@dataclass
class Bench:
    """A queue under test, with a way to put any message on it as others can."""

    queue: Queue
    put: Put


def a_hint(priority: int = 1, number: int = 1, correlation_id: str = "shop-42") -> Hint:
    return Hint(JobId(str(uuid.uuid4())), number, priority, correlation_id)


def put_on_sqs(settings: Settings) -> Put:
    client = boto3.client(
        "sqs",
        endpoint_url=settings.sqs_endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )

    def send(queue: str, body: str, attributes: dict[str, str]) -> None:
        url = client.get_queue_url(QueueName=f"{settings.queue_prefix}-{queue}")["QueueUrl"]
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=typed)  # type: ignore[arg-type]  # stubs want their own dict

    async def put(queue: str, body: str, attributes: dict[str, str]) -> None:
        await asyncio.to_thread(send, queue, body, attributes)

    return put


@pytest.fixture(params=["memory", "sqs"])
async def bench(request: pytest.FixtureRequest, sqs_settings: Settings) -> AsyncIterator[Bench]:
    """A fresh set of queues; a received message is visible again after a second."""
    if request.param == "memory":
        memory = MemoryQueue(visibility=BRIEF)
        yield Bench(memory, memory.put)
        return
    sqs = SqsQueue(sqs_settings, visibility=BRIEF)
    await sqs.ensure_queues()
    yield Bench(sqs, put_on_sqs(sqs_settings))
    await sqs.close()


async def only(messages: Awaitable[Sequence[Received]]) -> Received:
    (message,) = await messages
    return message


async def test_a_hint_arrives_as_it_was_sent(bench: Bench) -> None:
    hint = a_hint(priority=3, number=7)
    await bench.queue.send(hint)
    message = await only(bench.queue.receive("p3", limit=10, wait=SOON))
    assert json.loads(message.body) == {"v": 1, "job_id": hint.job_id}
    assert message.body.isascii()
    assert message.attributes == {"hint": "7", "correlation_id": "shop-42"}
    assert message.queue == "p3"


async def test_a_correlation_id_that_sqs_would_refuse_does_not_stop_the_hint(bench: Bench) -> None:
    for correlation_id in ("", "x" * 200, "two words", "\x00", "naïve"):
        await bench.queue.send(a_hint(correlation_id=correlation_id))
        message = await only(bench.queue.receive("p1", limit=1, wait=SOON))
        assert message.attributes == {"hint": "1"}
        await bench.queue.delete(message)


async def test_each_priority_has_its_own_queue(bench: Bench) -> None:
    for priority in (1, 2, 3, 4):
        await bench.queue.send(a_hint(priority))
    assert await bench.queue.depths() == {"p1": 1, "p2": 1, "p3": 1, "p4": 1, "dlq": 0}
    for queue in ("p1", "p2", "p3", "p4"):
        await only(bench.queue.receive(queue, limit=10, wait=SOON))


async def test_an_empty_queue_answers_nothing_at_once_or_after_the_wait(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert not await bench.queue.receive("p1", limit=10, wait=NOW)
    assert loop.time() - started < 0.9
    started = loop.time()
    assert not await bench.queue.receive("p1", limit=10, wait=BRIEF)
    assert loop.time() - started > 0.9


async def test_a_waiting_receive_wakes_when_a_hint_comes(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    receiving = asyncio.create_task(bench.queue.receive("p2", limit=1, wait=timedelta(seconds=15)))
    await bench.queue.send(a_hint(priority=2))
    await only(receiving)
    assert loop.time() - started < 5


async def test_a_receive_takes_at_most_its_limit_and_at_most_ten(bench: Bench) -> None:
    for _ in range(14):
        await bench.queue.send(a_hint())
    assert len(await bench.queue.receive("p1", limit=3, wait=NOW)) == 3
    assert len(await bench.queue.receive("p1", limit=99, wait=NOW)) == 10
    assert len(await bench.queue.receive("p1", limit=0, wait=NOW)) == 1


async def test_a_delayed_hint_is_not_seen_before_its_time(bench: Bench) -> None:
    await bench.queue.send(a_hint(), delay=BRIEF)
    assert not await bench.queue.receive("p1", limit=1, wait=NOW)
    await only(bench.queue.receive("p1", limit=1, wait=SOON))


async def test_a_delay_beyond_fifteen_minutes_is_cut(bench: Bench) -> None:
    await bench.queue.send(a_hint(), delay=timedelta(days=3))
    assert not await bench.queue.receive("p1", limit=1, wait=NOW)


async def test_a_received_message_is_hidden_and_then_delivered_again(bench: Bench) -> None:
    await bench.queue.send(a_hint())
    first = await only(bench.queue.receive("p1", limit=1, wait=SOON))
    assert not await bench.queue.receive("p1", limit=1, wait=NOW)
    second = await only(bench.queue.receive("p1", limit=1, wait=SOON))
    assert second.body == first.body
    assert second.message_id == first.message_id


async def test_a_deleted_message_is_gone_and_deleting_it_twice_is_harmless(bench: Bench) -> None:
    await bench.queue.send(a_hint())
    message = await only(bench.queue.receive("p1", limit=1, wait=SOON))
    await bench.queue.delete(message)
    await bench.queue.delete(message)
    assert not await bench.queue.receive("p1", limit=1, wait=timedelta(seconds=2))


async def test_an_old_receipt_does_not_delete_what_another_received(bench: Bench) -> None:
    await bench.queue.send(a_hint())
    old = await only(bench.queue.receive("p1", limit=1, wait=SOON))
    await only(bench.queue.receive("p1", limit=1, wait=SOON))
    await bench.queue.delete(old)
    await only(bench.queue.receive("p1", limit=1, wait=SOON))


async def test_a_message_that_nobody_deletes_ends_on_the_dlq_after_five_receives(bench: Bench) -> None:
    hint = a_hint()
    await bench.queue.send(hint)
    for _ in range(5):
        await only(bench.queue.receive("p1", limit=1, wait=SOON))
    assert not await bench.queue.receive("p1", limit=1, wait=timedelta(seconds=2))
    dead = await only(bench.queue.receive("dlq", limit=1, wait=SOON))
    assert json.loads(dead.body)["job_id"] == hint.job_id
    assert dead.attributes["correlation_id"] == "shop-42"


BODIES = {
    "text": "not JSON at all",
    "emoji": "👩‍👩‍👧‍👦 \u202e tricked",
    "spaces": "  \n ",
    "large": "x" * 262_144,
    "wide": "é" * 131_072,
    "markup": "<!channel> {{7*7}} $(id) '; DROP TABLE jobs;--",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_buried_message_keeps_its_raw_body_and_says_why(bench: Bench, body: str) -> None:
    await bench.put("p4", body, {"hint": "9", "origin": "elsewhere"})
    message = await only(bench.queue.receive("p4", limit=1, wait=SOON))
    await bench.queue.bury(message, "The body is not JSON.")
    dead = await only(bench.queue.receive("dlq", limit=1, wait=SOON))
    assert dead.body == body
    assert dead.attributes == {
        "reason": "The body is not JSON.",
        "source": "p4",
        "source_message_id": message.message_id,
        "hint": "9",
        "origin": "elsewhere",
    }


async def test_a_buried_message_does_not_come_again(bench: Bench) -> None:
    await bench.put("p4", "poison", {})
    message = await only(bench.queue.receive("p4", limit=1, wait=SOON))
    await bench.queue.bury(message, "why")
    assert not await bench.queue.receive("p4", limit=1, wait=timedelta(seconds=2))
    assert await bench.queue.depths() == {"p1": 0, "p2": 0, "p3": 0, "p4": 0, "dlq": 1}


async def test_a_message_full_of_attributes_is_buried_with_the_reason(bench: Bench) -> None:
    await bench.put("p1", "poison", {f"a{n}": "value" for n in range(10)})
    message = await only(bench.queue.receive("p1", limit=1, wait=SOON))
    await bench.queue.bury(message, "bad \x00\ud800 character " + "x" * 5000)
    dead = await only(bench.queue.receive("dlq", limit=1, wait=SOON))
    assert len(dead.attributes) == 10
    assert dead.attributes["reason"].startswith("bad ?? character xxx")
    assert dead.attributes["source"] == "p1"


async def test_ensuring_the_queues_twice_keeps_what_is_in_them(bench: Bench) -> None:
    await bench.queue.send(a_hint())
    await bench.queue.ensure_queues()
    assert (await bench.queue.depths())["p1"] == 1


async def test_a_cancelled_receive_loses_nothing(bench: Bench) -> None:
    receiving = asyncio.create_task(bench.queue.receive("p1", limit=10, wait=timedelta(seconds=3)))
    await bench.queue.depths()  # by now the receive is under way
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    await bench.queue.send(a_hint())
    await only(bench.queue.receive("p1", limit=1, wait=timedelta(seconds=10)))
