"""What only SQS can do wrong: to be away, to hang, to answer nonsense, to have been set up by somebody else."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event

import psutil
import pytest

from infra.local.network import free_port
from infra.local.sqs import LocalSqs
from tests.contract.test_queue import a_hint
from tests.waiting import until
from workers.adapters import sqs as module
from workers.adapters.sqs import SqsQueue
from workers.adapters.threads import DaemonThreads
from workers.errors import QueueUnavailable, StackError
from workers.hints import Message
from workers.settings import Settings


@asynccontextmanager
async def http_server(answer: bytes | None) -> AsyncIterator[str]:
    """A server that gives every request the same answer, or None: never one."""
    closing = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        if answer is None:
            await closing.wait()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        closing.set()
        server.close()
        await server.wait_closed()


def queue_at(endpoint: str) -> SqsQueue:
    return SqsQueue(Settings(store="memory", sqs_endpoint=endpoint))


async def every_call_fails(queue: SqsQueue) -> None:
    message = Message("body", "id", "p1", "receipt")
    for call in (
        queue.ensure_queues(),
        queue.send(a_hint()),
        queue.receive("p1", limit=1, wait=timedelta(0)),
        queue.delete(message),
        queue.bury(message, "why"),
        queue.depths(),
    ):
        with pytest.raises(QueueUnavailable) as caught:
            await call
        assert caught.value.is_retryable


async def test_a_server_that_is_away_is_unavailable_for_every_call() -> None:
    await every_call_fails(queue_at(f"http://127.0.0.1:{free_port()}"))


async def test_a_server_that_hangs_is_unavailable_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CALL_LIMIT", timedelta(seconds=0.2))
    async with http_server(None) as endpoint:
        loop = asyncio.get_running_loop()
        started = loop.time()
        queue = queue_at(endpoint)
        with pytest.raises(QueueUnavailable, match="did not answer"):
            await queue.receive("p1", limit=1, wait=timedelta(0))
        assert loop.time() - started < 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops",
        b'HTTP/1.1 403 No\r\nContent-Length: 25\r\n\r\n{"__type":"AccessDenied"}',
        b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>no</html>",
        b"nonsense\r\n\r\n",
        b"",
    ],
    ids=["500", "denied", "html", "nonsense", "closed"],
)
async def test_a_server_that_answers_nonsense_is_unavailable(answer: bytes) -> None:
    async with http_server(answer) as endpoint:
        await every_call_fails(queue_at(endpoint))


async def test_queues_that_do_not_exist_are_unavailable_until_they_are_ensured(sqs_settings: Settings) -> None:
    queue = SqsQueue(sqs_settings)
    with pytest.raises(QueueUnavailable, match=r"NonExistentQueue|QueueDoesNotExist"):
        await queue.send(a_hint())
    await queue.ensure_queues()
    await queue.send(a_hint())
    assert (await queue.depths())["p1"] == 1


async def test_a_server_that_lost_its_queues_is_set_up_again() -> None:
    server = LocalSqs()
    await server.start()
    queue = queue_at(server.endpoint)
    try:
        await queue.ensure_queues()
        await queue.send(a_hint())
        await server.stop()
        with pytest.raises(QueueUnavailable):
            await queue.send(a_hint())
        again = LocalSqs(port=server.port)
        await again.start()
        try:
            await queue.ensure_queues()
            await queue.send(a_hint())
            assert (await queue.depths())["p1"] == 1
        finally:
            await again.stop()
    finally:
        await server.stop()


async def attributes_of(queue: SqsQueue, name: str) -> dict[str, str]:
    client = queue._connect()
    url = queue._url(client, name)
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {str(name): value for name, value in found.items()}


async def test_the_queues_have_the_promised_redrive_and_retention(sqs_settings: Settings) -> None:
    queue = SqsQueue(sqs_settings)
    await queue.ensure_queues()
    dead = await attributes_of(queue, "dlq")
    assert dead["MessageRetentionPeriod"] == str(14 * 86_400)
    for name in ("p1", "p2", "p3", "p4"):
        policy = json.loads((await attributes_of(queue, name))["RedrivePolicy"])
        assert int(policy["maxReceiveCount"]) == 5
        assert policy["deadLetterTargetArn"] == dead["QueueArn"]
        assert policy["deadLetterTargetArn"].endswith(f"{sqs_settings.queue_prefix}-dlq")


async def test_a_queue_of_somebody_else_gets_our_redrive_and_keeps_the_rest(sqs_settings: Settings) -> None:
    queue = SqsQueue(sqs_settings)
    client = queue._connect()
    client.create_queue(QueueName=f"{sqs_settings.queue_prefix}-p1", Attributes={"VisibilityTimeout": "77"})
    client.create_queue(QueueName=f"{sqs_settings.queue_prefix}-dlq")
    await queue.ensure_queues()
    found = await attributes_of(queue, "p1")
    assert found["VisibilityTimeout"] == "77"
    assert int(json.loads(found["RedrivePolicy"])["maxReceiveCount"]) == 5
    assert (await attributes_of(queue, "dlq"))["MessageRetentionPeriod"] == str(14 * 86_400)


async def test_several_processes_may_ensure_the_queues_at_once(sqs_settings: Settings) -> None:
    queues = [SqsQueue(sqs_settings) for _ in range(5)]
    await asyncio.gather(*(queue.ensure_queues() for queue in queues))
    assert set((await queues[0].depths()).values()) == {0}


async def test_a_body_at_the_limit_is_buried_without_attributes_rather_than_not_at_all(
    sqs_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS counts attributes towards the 1 MiB; the server on loopback does not, so the refusal is played here."""
    queue = SqsQueue(sqs_settings)
    await queue.ensure_queues()
    client = queue._connect()
    real, refused = client.send_message, []

    def send_message(**arguments: object) -> object:
        if arguments.get("MessageAttributes"):
            refused.append(arguments)
            raise client.exceptions.ClientError({"Error": {"Code": "InvalidParameterValue"}}, "SendMessage")
        return real(**arguments)  # type: ignore[arg-type]  # whatever the queue passed

    monkeypatch.setattr(client, "send_message", send_message)
    real(QueueUrl=queue._url(client, "p1"), MessageBody="x" * 200_000)
    (message,) = await queue.receive("p1", limit=1, wait=timedelta(seconds=1))
    await queue.bury(message, "too large")
    assert len(refused) == 1
    (dead,) = await queue.receive("dlq", limit=1, wait=timedelta(seconds=1))
    assert dead.body == "x" * 200_000
    assert (await queue.depths())["p1"] == 0


async def test_an_empty_body_is_buried_as_a_space_that_says_so(sqs_settings: Settings) -> None:
    queue = SqsQueue(sqs_settings)
    await queue.ensure_queues()
    await queue.send(a_hint())
    (received,) = await queue.receive("p1", limit=1, wait=timedelta(seconds=1))
    empty = Message("", received.message_id, "p1", received.receipt, {})
    await queue.bury(empty, "The body is empty.")
    (dead,) = await queue.receive("dlq", limit=1, wait=timedelta(seconds=1))
    assert dead.body == " "
    assert dead.attributes["is_empty"] == "true"


async def test_a_cancelled_receive_makes_what_it_took_visible_at_once(
    sqs_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the usual visibility of a minute, a message that was not given back would not be seen here."""
    queue = SqsQueue(sqs_settings)
    await queue.ensure_queues()
    await queue.send(a_hint())
    client = queue._connect()
    real, asked, go, taken = client.receive_message, Event(), Event(), Event()

    def receive_late(**arguments: object) -> object:
        asked.set()
        go.wait(5)
        answer = real(**arguments)  # type: ignore[arg-type]  # whatever the queue passed
        monkeypatch.undo()
        taken.set()
        assert answer["Messages"]
        return answer

    monkeypatch.setattr(client, "receive_message", receive_late)
    receiving = asyncio.create_task(queue.receive("p1", limit=1, wait=timedelta(0)))
    await until(asked.is_set)
    receiving.cancel()
    await asyncio.wait([receiving])
    go.set()
    await until(taken.is_set)
    assert await queue.receive("p1", limit=1, wait=timedelta(seconds=5))


async def test_an_abandoned_call_hands_its_result_over() -> None:
    threads = DaemonThreads(limit=1)
    go, handed_over = Event(), asyncio.Event()
    results: list[str] = []
    loop = asyncio.get_running_loop()

    def take(result: str) -> None:
        results.append(result)
        loop.call_soon_threadsafe(handed_over.set)

    def call() -> str:
        go.wait(5)
        return "taken"

    running = asyncio.create_task(threads.run(call, on_abandoned=take))
    await asyncio.wait([running], timeout=0)  # lets it start
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    go.set()
    await asyncio.wait_for(handed_over.wait(), 5)
    assert results == ["taken"]
    assert await asyncio.wait_for(threads.run(lambda: "room again"), 5) == "room again"


async def test_no_more_threads_run_than_allowed() -> None:
    threads = DaemonThreads(limit=2)
    go, running = Event(), []

    def call() -> None:
        running.append(1)
        go.wait(5)

    calls = [asyncio.create_task(threads.run(call)) for _ in range(5)]
    await asyncio.wait(calls, timeout=0.1)
    assert len(running) == 2
    go.set()
    await asyncio.wait_for(asyncio.gather(*calls), 5)
    assert len(running) == 5


async def test_the_local_server_listens_on_loopback_only_and_leaves_nothing(sqs_server: LocalSqs) -> None:
    server = LocalSqs()
    await server.start()
    assert server.process_id is not None
    process = psutil.Process(server.process_id)
    folder = process.cwd()
    listening = [c.laddr for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", server.port)]
    await server.start()
    assert server.process_id == process.pid
    await server.stop()
    await server.stop()
    assert not process.is_running()
    assert server.process_id is None
    assert not os.path.exists(folder)  # noqa: ASYNC240, PTH110 (one look at a local disk)


async def test_a_taken_port_is_named(sqs_server: LocalSqs) -> None:
    with pytest.raises(StackError, match=f"Port {sqs_server.port} is taken"):
        await LocalSqs(port=sqs_server.port).start()


async def test_a_server_that_dies_at_once_is_reported_with_the_tail_of_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    server = LocalSqs(log=tmp_path / "sqs.log")
    with pytest.raises(StackError, match=r"(?s)ended while it started.*encodings"):
        await server.start()
    assert server.process_id is None
