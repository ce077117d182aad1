"""Starts the parts of a stack, watches them, starts again what may be, and stops all in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

from infra.local.part import Part
from workers.errors import StackError

MAX_RESTARTS = 5
_STEADY_AFTER = 300  # s; a part that ran this long starts with a clean slate
_FIRST_PAUSE = timedelta(seconds=1)  # before the first restart; doubles
_LONGEST_PAUSE = timedelta(seconds=15)


class Supervisor:
    """Holds the parts that run. `on_change` is called whenever a process came or went; `say` tells a person."""

    def __init__(self, say: Callable[[str], None], on_change: Callable[[], None]) -> None:
        self.parts: list[Part] = []
        self._say = say
        self._on_change = on_change
        self._watchers: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()

    async def start(self, part: Part) -> None:
        """Start a part and wait until it serves; from then on it is watched."""
        self.parts.append(part)
        began = time.monotonic()
        await part.start()
        self._say(f"{part.name} serves after {time.monotonic() - began:.1f} s.")
        self._on_change()
        self._watch(part)

    def _watch(self, part: Part) -> None:
        task = asyncio.create_task(self._report(part), name=f"watch {part.name}")
        self._watchers.add(task)
        task.add_done_callback(self._watchers.discard)

    async def _report(self, part: Part) -> None:
        try:
            await self._look_after(part)
        except StackError as error:
            if not self._failure.done():
                self._failure.set_exception(error)

    async def failure(self) -> NoReturn:
        """Wait until a part is lost for good. Raises its `StackError`."""
        await asyncio.shield(self._failure)
        raise AssertionError("unreachable")

    async def _look_after(self, part: Part) -> NoReturn:
        restarts = 0
        while True:
            since = time.monotonic()
            await part.died()
            self._on_change()
            restarts = 1 if time.monotonic() - since > _STEADY_AFTER else restarts + 1
            if not part.is_restartable or restarts > MAX_RESTARTS:
                raise StackError(part.obituary())
            await self._start_again(part, restarts)

    async def _start_again(self, part: Part, restart: int) -> None:
        pause = min(_FIRST_PAUSE * 2 ** (restart - 1), _LONGEST_PAUSE)
        self._say(f"{part.obituary()}\nIt is started again in {pause.total_seconds():g} s ({restart}/{MAX_RESTARTS}).")
        await part.sweep()
        await asyncio.sleep(pause.total_seconds())
        try:
            await part.start()
        except StackError as error:
            self._say(str(error))
            part.kill()
        self._on_change()

    async def stop(self) -> None:
        """Stop everything, the highest tier first, parts of one tier at once. Bounded by their `stop_within`."""
        for watcher in tuple(self._watchers):
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for tier in sorted({part.tier for part in self.parts}, reverse=True):
            await asyncio.gather(*(part.stop() for part in self.parts if part.tier == tier))
        if not self._failure.cancel() and not self._failure.cancelled():
            self._failure.exception()  # nobody needs to ask for it any more

    def kill(self) -> None:
        """Kill every process at once: for whoever has no patience left."""
        for part in self.parts:
            part.kill()
