"""A part of the stack that is a program: spawned, probed until it serves, stopped with all that it started."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from infra.local.process import MARK, kill_marked, spawn, tail
from workers.errors import StackError

PART_MARK = "FLEET_PART"
Probe = Callable[[datetime], Awaitable[bool]]
"""Answers whether a program that was started at that moment serves."""

_PROBE_EVERY = 0.1  # s


@dataclass(kw_only=True)
class Program:
    """Implements `Part`. `probe` answers whether it serves; `stop_within` is what it gets to end by itself.

    With a `port`, an answer counts only when this very process listens there: it could be somebody else's.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    probe: Probe
    tier: int = 1
    folder: Path | None = None
    port: int | None = None
    ready_within: timedelta = timedelta(seconds=150)  # death is noticed at once; this is for what hangs
    stop_within: timedelta = timedelta(seconds=8)
    is_restartable: bool = False
    process: asyncio.subprocess.Process | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return self.process.pid if self.process and self.process.returncode is None else None

    async def start(self) -> None:
        """Start the program and wait until it serves. Raises `StackError` with the tail of its log."""
        environment = {**self.environment, PART_MARK: self.name}
        since = datetime.now(UTC)
        self.process = await spawn(self.command, environment, self.log, self.folder)
        await self._ready(since)

    async def _ready(self, since: datetime) -> None:
        deadline = time.monotonic() + self.ready_within.total_seconds()
        while not (await self.probe(since) and self._is_the_listener()):
            if self.pid is None:
                raise StackError(self.obituary())
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} was not ready within {self.ready_within.seconds} s. {tail(self.log)}")
            await asyncio.sleep(_PROBE_EVERY)

    def _is_the_listener(self) -> bool:
        if self.port is None or self.pid is None:
            return self.pid is not None
        try:
            connections = psutil.Process(self.pid).net_connections("tcp")
        except psutil.Error:
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == self.port for one in connections)

    async def died(self) -> None:
        """Return when the process is gone."""
        if self.process is not None:
            await self.process.wait()

    async def stop(self) -> None:
        """Ask the process to end, wait, then kill it and whatever it left behind."""
        if self.process is None:
            return
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), self.stop_within.total_seconds())
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        await self.sweep()

    def kill(self) -> None:
        """Kill the process at once; `stop` still tidies up behind it."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    async def sweep(self) -> None:
        """Kill what the process left behind when it ended, for instance browsers."""
        marks = {MARK: self.environment[MARK], PART_MARK: self.name}
        await asyncio.to_thread(kill_marked, **marks)

    def obituary(self) -> str:
        """Say how the process ended, with the tail of its log."""
        code = self.process.returncode if self.process else None
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        return f"{self.name} {how}. {tail(self.log)}"
