"""What the supervisor needs of a part of the embedded stack, and the part that a server class of ours makes."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from infra.local.process import tail


class Part(Protocol):
    """Something that is started, serves, may die, and is stopped. `tier` says when it stops: the highest first."""

    @property
    def name(self) -> str:
        """The name that people read."""

    @property
    def tier(self) -> int:
        """0: others need it until their end; 1: serves; 2: works."""

    @property
    def is_restartable(self) -> bool:
        """Whether it may die and be started again while the rest goes on."""

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""

    async def start(self) -> None:
        """Start, and return when it serves. Raises `StackError` with the tail of its log."""

    async def died(self) -> None:
        """Return when the process is gone."""

    async def stop(self) -> None:
        """Stop within bounded time, with everything that the part started. Safe to call twice."""

    def kill(self) -> None:
        """Kill the process at once; `stop` still tidies up behind it."""

    async def sweep(self) -> None:
        """Kill what the process left behind when it died."""

    def obituary(self) -> str:
        """Say how it ended, with the tail of its log."""


class Server(Protocol):
    """A server that starts and stops its own process."""

    @property
    def process_id(self) -> int | None:
        """The process id, while it runs."""

    async def start(self) -> None:
        """Start, and return when it serves."""

    async def stop(self) -> None:
        """Stop. Safe to call twice."""


@dataclass(frozen=True, slots=True)
class ServerPart:
    """Implements `Part` for a `Server`. Others lose their data or their way without it: never started again."""

    name: str
    server: Server
    log: Path
    tier: int = 0
    is_restartable: ClassVar[bool] = False

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return self.server.process_id

    async def start(self) -> None:
        """Start, and return when it serves."""
        await self.server.start()

    async def died(self) -> None:
        """Return when the process is gone."""
        while self.server.process_id is not None:  # noqa: ASYNC110 (the class has no event to wait for)
            await asyncio.sleep(0.2)

    async def stop(self) -> None:
        """Stop the server."""
        await self.server.stop()

    def kill(self) -> None:
        """Kill the process at once."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def sweep(self) -> None:
        """Do nothing: such a server leaves nothing behind."""

    def obituary(self) -> str:
        """Say that it ended, with the tail of its log."""
        return f"{self.name} ended. {tail(self.log)}"
