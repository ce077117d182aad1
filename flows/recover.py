"""The flow that takes jobs back from lost workers, sends due hints again, and tidies what Prefect shows of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.summary import summary
from flows.tidy import tidy_runs
from flows.ui_log import mirror_logs
from monitors.stale import recover_stale_jobs as sweep
from workers.bootstrap import current_fleet


@flow(name="recover-stale-jobs")
async def recover_stale_jobs() -> State[Any]:
    """Sweep once and say what came of it."""
    mirror_logs()
    began = datetime.now(UTC)
    async with current_fleet() as fleet, get_client() as client:
        report = await sweep(fleet.store, fleet.queue, fleet.settings)
        tidied = await tidy_runs(client, fleet.store, (*report.recovered, *report.ended), began=began)
    return Completed(message=summary(report, tidied=tidied))
