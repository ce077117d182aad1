"""Waiting for what other processes do: they set no event of ours, so it is looked for, with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def until(look: Callable[[], T], seconds: float = 10) -> T:
    """Return what `look` finds as soon as it finds something; raises `TimeoutError` after `seconds`."""
    async with asyncio.timeout(seconds):
        while not (found := look()):  # noqa: ASYNC110 (see the module's docstring)
            await asyncio.sleep(0.02)
    return found
