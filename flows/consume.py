"""The flow that turns hints into runs: one shift at the queues. The next one begins before this one ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.starter import RunStarter
from flows.summary import summary
from flows.ui_log import mirror_logs
from workers.bootstrap import current_fleet
from workers.consumer import consume

# The schedule begins a shift each FLEET_SHIFT. Each lasts longer by what the next needs to get to work.
_OVERLAP = timedelta(seconds=5)


@flow(name="consume-jobs")
async def consume_jobs() -> State[Any]:
    """Work one shift and say what came of it. Shifts may overlap: a hint is dispatched once, whoever receives it."""
    mirror_logs()
    async with current_fleet() as fleet, get_client() as client:
        settings = fleet.settings.model_copy(update={"shift": fleet.settings.shift + _OVERLAP})
        start = RunStarter(client).start
        report = await consume(fleet.store, fleet.queue, start, settings, stop=fleet.draining)
    return Completed(message=summary(report))
