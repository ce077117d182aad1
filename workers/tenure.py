"""One worker's time with one job: the lease, its heartbeat, and the word to stop.

The heartbeat is a task in the work's own event loop, so it proves that the work can move; a thread would only
prove that the process lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from time import monotonic

from workers.errors import FleetError
from workers.fleet import Fleet
from workers.log import get_logger
from workers.model import Beat, Job, Lease

log = get_logger("tenure")


class Stop(StrEnum):
    """Why the work on a job stops before its end."""

    CANCELLED = "cancelled"
    LOST = "lost"
    DRAINED = "drained"


class Tenure:
    """Holds a job for one worker. Between two directories the work asks `is_over`."""

    def __init__(self, fleet: Fleet, lease: Lease, job: Job) -> None:
        self.fleet = fleet
        self.lease = lease
        self.job = job
        self.stop_reason: Stop | None = None
        self._stopped = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether no further directory may be begun."""
        return self._stopped.is_set()

    def stop(self, reason: Stop) -> None:
        """Ask the work to stop between two directories. The first reason stays."""
        if self.stop_reason is None:
            self.stop_reason = reason
            log.info("tenure.stopped", job_id=self.lease.job_id, reason=reason)
        self._stopped.set()

    async def over(self) -> None:
        """Wait until the work is asked to stop."""
        await self._stopped.wait()

    async def sleep(self, seconds: float) -> None:
        """Sleep, but wake when the work is asked to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep the lease alive while the block runs."""
        keepers = [asyncio.create_task(self._beat()), asyncio.create_task(self._watch_drain())]
        try:
            yield
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def _watch_drain(self) -> None:
        await self.fleet.draining.wait()
        self.stop(Stop.DRAINED)

    async def _beat(self) -> None:
        settings = self.fleet.settings
        prolonged_at = monotonic()
        while True:
            await asyncio.sleep(settings.heartbeat_interval.total_seconds())
            asked_at = monotonic()
            answer = await self._ask()
            if answer is Beat.GO_ON:
                prolonged_at = asked_at
            elif answer is Beat.CANCELLED:
                self.stop(Stop.CANCELLED)
                prolonged_at = asked_at
            elif answer is Beat.LOST or asked_at - prolonged_at > settings.lease.total_seconds():
                self.stop(Stop.LOST)

    async def _ask(self) -> Beat | None:
        """Prolong the lease; None when the database is away or refuses (the lease's own end then decides)."""
        try:
            return await self.fleet.store.beat(self.lease, extend=self.fleet.settings.lease)
        except FleetError as error:
            log.warning("heartbeat.failed", job_id=self.lease.job_id, error=str(error))
            return None
