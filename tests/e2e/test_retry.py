"""Retry as the Prefect UI does it: the run is set to AwaitingRetry."""

from __future__ import annotations

from tests.fixtures.stack import RunningStack, order, states
from tests.waiting import until
from workers.model import Job, JobState
from workers.orders import place_order


async def run_has_failed(stack: RunningStack, job: Job) -> bool:
    return (await stack.runs(job.id))[0].state == "Failed"


async def test_retry_sends_only_what_had_failed(stack: RunningStack) -> None:
    await stack.reset_sites()
    await stack.break_site("positional", down=True)
    async with stack.fleet() as fleet:
        enqueued = await place_order(fleet.store, fleet.queue, order("plain", "positional"))
        job = await stack.until_ended(fleet, enqueued.job_id)
        assert (job.state, states(job)) == (
            JobState.FAILED,
            {"sample-plain": "submitted (confirmed)", "sample-positional": "failed (directory_error)"},
        )
        await stack.break_site("positional")
        await until(lambda: run_has_failed(stack, job), seconds=30)  # the UI offers Retry only then
        run = (await stack.runs(job.id))[0]
        await stack.post(
            f"{stack.prefect}/api/flow_runs/{run.id}/set_state",
            {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": False},
        )
        job = await stack.until(fleet, job.id, lambda now: now.state is JobState.COMPLETED, 30)
    assert set(states(job).values()) == {"submitted (confirmed)"}
    assert await stack.accepted() == {"plain": 1, "positional": 1}
