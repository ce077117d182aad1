"""Blocking calls in threads that hold up neither the event loop nor the end of the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class DaemonThreads:
    """Runs at most `limit` blocking calls at once, each in a daemon thread.

    `asyncio.to_thread` would not do: the interpreter joins its threads at exit, so that a call that hangs delays the
    end of the process, and its one small pool is shared with everybody.
    """

    def __init__(self, limit: int) -> None:
        self._room = asyncio.Semaphore(limit)

    async def run(self, call: Callable[[], T], *, on_abandoned: Callable[[T], None] | None = None) -> T:
        """Run `call` and return its result.

        A thread cannot be cancelled. Whoever is cancelled here goes on at once; when the call returns after all,
        `on_abandoned` gets the result that nobody waits for, in a thread of its own.
        """
        await self._room.acquire()
        loop = asyncio.get_running_loop()
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()

        def work() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 (it travels to whoever waits)
                future.set_exception(error)
            finally:
                with suppress(RuntimeError):  # the loop is closed: nobody waits for room any more
                    loop.call_soon_threadsafe(self._room.release)

        Thread(target=work, name="fleet-blocking-call", daemon=True).start()
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if on_abandoned:
                future.add_done_callback(lambda done: _hand_over(done, on_abandoned))
            raise


def _hand_over(done: Future[T], on_abandoned: Callable[[T], None]) -> None:
    if done.exception() is None:
        Thread(target=on_abandoned, args=(done.result(),), name="fleet-abandoned-call", daemon=True).start()
