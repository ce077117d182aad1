"""Kill -9 of the whole embedded stack, by its supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from infra.local.control import erase, start_detached, stop
from infra.local.home import Home
from tests.fixtures.stack import SCALED, RunningStack, order, processes_of
from tests.waiting import until
from workers.model import JobState
from workers.orders import place_order


async def test_a_stack_that_was_killed_leaves_no_process_and_works_again(tmp_path: Path) -> None:
    home = Home.find(tmp_path)
    stack = RunningStack(home)
    killed = start_detached(home, {**os.environ, **SCALED})
    os.kill(killed.pid, signal.SIGKILL)
    await until(lambda: not processes_of(killed.stack) and not home.is_held(), seconds=20)
    again = start_detached(home, {**os.environ, **SCALED})
    try:
        async with stack.fleet() as fleet:
            enqueued = await place_order(fleet.store, fleet.queue, order("plain"))
            job = await stack.until_ended(fleet, enqueued.job_id, seconds=60)
        assert job.state is JobState.COMPLETED
        assert await stack.accepted() == {"plain": 1}
    finally:
        stop(home, again)
        await asyncio.to_thread(erase, home)
    assert processes_of(again.stack) == []
