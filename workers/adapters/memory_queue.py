"""The in-memory twin of the SQS queue: for tests, and for a Fleet in one process. Nothing outlives it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from workers.hints import Message, epitaph, hint_attributes, hint_body
from workers.model import PRIORITIES, Hint
from workers.ports import Received

_MAX_RECEIVES = 5
_DELAY_LIMIT = timedelta(minutes=15)
_BATCH_LIMIT = 10


@dataclass(slots=True)
class _Entry:
    body: str
    attributes: dict[str, str]
    visible_at: float
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    receipt: str = ""
    receives: int = 0


class MemoryQueue:
    """Implements `ports.Queue` as SQS behaves: at least once, hidden while received, dead after five receives."""

    def __init__(self, *, visibility: timedelta = timedelta(seconds=60)) -> None:
        self._visibility = visibility.total_seconds()
        self._queues: dict[str, list[_Entry]] = {name: [] for name in (*(f"p{n}" for n in PRIORITIES), "dlq")}
        self._changed = asyncio.Event()  # a new one after each change

    async def ensure_queues(self) -> None:
        """Do nothing: they exist."""

    async def send(self, hint: Hint, *, delay: timedelta = timedelta(0)) -> None:
        """Send one hint to its priority's queue."""
        delay = min(max(delay, timedelta(0)), _DELAY_LIMIT)
        await self.put(f"p{hint.priority}", hint_body(hint), hint_attributes(hint), delay=delay)

    async def put(
        self, queue: str, body: str, attributes: dict[str, str] | None = None, *, delay: timedelta = timedelta(0)
    ) -> None:
        """Put any message on a queue, as others than Fleet can."""
        self._queues[queue].append(_Entry(body, dict(attributes or {}), monotonic() + delay.total_seconds()))
        self._changed.set()
        self._changed = asyncio.Event()

    async def receive(self, queue: str, *, limit: int, wait: timedelta) -> Sequence[Received]:
        """Receive up to `limit` messages, waiting for the first one."""
        deadline = monotonic() + wait.total_seconds()
        while not (messages := self._take(queue, max(1, min(limit, _BATCH_LIMIT)))):
            now = monotonic()
            if now >= deadline:
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(min(deadline, self._next_visible(queue, now)) - now):
                    await self._changed.wait()
        return messages

    async def delete(self, message: Received) -> None:
        """Delete a received message. One that was received again meanwhile stays."""
        entries = self._queues[message.queue]
        entries[:] = [entry for entry in entries if entry.receipt != message.receipt]

    async def bury(self, message: Received, reason: str) -> None:
        """Put the raw body on the DLQ with its reason, then delete the message."""
        await self.put("dlq", message.body or " ", epitaph(message, reason))
        await self.delete(message)

    async def depths(self) -> dict[str, int]:
        """Count the visible messages by queue."""
        now = monotonic()
        return {name: sum(entry.visible_at <= now for entry in entries) for name, entries in self._queues.items()}

    async def close(self) -> None:
        """Do nothing: there is no client."""

    def _take(self, queue: str, limit: int) -> list[Message]:
        now = monotonic()
        taken: list[Message] = []
        for entry in [entry for entry in self._queues[queue] if entry.visible_at <= now]:
            if queue != "dlq" and entry.receives >= _MAX_RECEIVES:
                self._queues[queue].remove(entry)
                self._queues["dlq"].append(entry)
            elif len(taken) < limit:
                entry.receives += 1
                entry.receipt = str(uuid.uuid4())
                entry.visible_at = now + self._visibility
                taken.append(Message(entry.body, entry.message_id, queue, entry.receipt, dict(entry.attributes)))
        return taken

    def _next_visible(self, queue: str, now: float) -> float:
        return min((entry.visible_at for entry in self._queues[queue]), default=now + 3600)
