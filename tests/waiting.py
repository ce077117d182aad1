"""Waiting for a condition instead of for time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

LIMIT = 8.0
"""Seconds that such a wait may take."""


async def until(condition: Callable[[], Awaitable[bool] | bool], seconds: float = LIMIT) -> None:
    """Return when the condition holds. Raises `TimeoutError` after `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            answer = condition()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.005)
