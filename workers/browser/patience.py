"""How long the pool waits for Chromium before it takes it for dead."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """Limits of waiting. The defaults are far above what was measured on two cores, and far below a job's lease."""

    launch: timedelta = timedelta(seconds=30)
    """From the start of the driver to a connected browser; measured 0.9 s on a cold disk."""
    open: timedelta = timedelta(seconds=15)
    """For a fresh context with its page; measured 0.04 s, 0.2 s for the first."""
    close: timedelta = timedelta(seconds=5)
    """For each step of an end: a context 0.01 s, a browser 0.05 s, the driver 0.01 s."""
    watch: timedelta = timedelta(seconds=2)
    """Between two looks at the browsers' memory."""


class Calls:
    """Calls to Playwright that are waited for with a limit, but never cancelled.

    A call that is cancelled goes on in the driver all the same, and what it made is lost to us. So a call that
    takes too long is left alone: it fails by itself when its browser is killed.
    """

    def __init__(self) -> None:
        self._open: set[asyncio.Task[Any]] = set()

    async def within(self, limit: timedelta, call: Coroutine[Any, Any, T]) -> T:
        """Return what the call returns; raise `TimeoutError` when the limit is over first."""
        task = asyncio.create_task(call)
        self._open.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=limit.total_seconds())
        if not done:
            raise TimeoutError
        return task.result()

    async def ended(self, limit: timedelta) -> None:
        """Wait until the calls that took too long have ended."""
        if self._open:
            await asyncio.wait(set(self._open), timeout=limit.total_seconds())

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._open.discard(task)
        if not task.cancelled():
            task.exception()  # was raised to whoever waited, or came too late for anybody
