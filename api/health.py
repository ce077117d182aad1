"""`GET /api/live`: the process answers. `GET /api/health`: database, queue and browsers do, too.

Anybody may ask, so the answer names parts and nothing of their insides: no address, version or count.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.services import Services
from workers.errors import FleetError
from workers.log import get_logger

log = get_logger("health")
router = APIRouter()

PROBE_LIMIT = timedelta(seconds=1.5)  # the answer comes within 2 s, whatever hangs
SIGN_WITHIN = timedelta(seconds=30)  # a worker gives one every 10 s
FRESH_FOR = timedelta(seconds=2)  # askers within this share one look: nobody can hammer the database through us


@router.get("/api/live")
async def live() -> dict[str, str]:
    """Say that this process answers."""
    return {"status": "ok"}


@router.get("/api/health")
async def read_health(request: Request) -> JSONResponse:
    """Say which parts work: 200 when all do, else 503."""
    health: Health = request.app.state.health
    parts = await health.look()
    is_well = all(state == "ok" for state in parts.values())
    return JSONResponse({"status": "ok" if is_well else "degraded", **parts}, 200 if is_well else 503)


@dataclass
class Health:
    """Looks after the parts, at most once in `FRESH_FOR`."""

    services: Services
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _seen: dict[str, str] = field(default_factory=dict, init=False)
    _seen_at: float = field(default=float("-inf"), init=False)

    async def look(self) -> dict[str, str]:
        """Return `ok` or `away` for each part."""
        async with self._looking:
            if time.monotonic() - self._seen_at > FRESH_FOR.total_seconds():
                names = {"database": self._database, "queue": self._queue, "browsers": self._browsers}
                states = await asyncio.gather(*(_probe(name, part) for name, part in names.items()))
                self._seen, self._seen_at = dict(zip(names, states, strict=True)), time.monotonic()
            return self._seen

    async def _database(self) -> bool:
        await (await self.services.store()).ping()
        return True

    async def _queue(self) -> bool:
        await self.services.queue.depths()
        return True

    async def _browsers(self) -> bool:
        """Whether a worker with browsers gave a sign of life lately."""
        return await (await self.services.store()).count_slots(within=SIGN_WITHIN) > 0


async def _probe(name: str, part: Callable[[], Awaitable[bool]]) -> str:
    try:
        async with asyncio.timeout(PROBE_LIMIT.total_seconds()):
            return "ok" if await part() else "away"
    except (FleetError, TimeoutError) as error:
        log.warning("health.away", part=name, error=type(error).__name__)
        return "away"
