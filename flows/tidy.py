"""Ends runs that Prefect would show as running for ever: a killed process tells nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Cancelled, Crashed

from workers.log import get_logger
from workers.model import JobId
from workers.ports import JobStore

log = get_logger("tidy")

_PROCESS_JOB = FlowFilter(name=FlowFilterName(any_=["process-job"]))

# A worker takes about a second from Pending to Running. One that is still Pending now died between the two.
_LONGEST_START = timedelta(minutes=5)

# A cancelled run older than this was heard, or the sweep was away for so long that the job went on.
_LONGEST_DEAFNESS = timedelta(hours=1)
_HEARD = "cancel:heard"


async def tidy_runs(client: PrefectClient, store: JobStore, jobs: Sequence[JobId], *, began: datetime) -> int:
    """End the runs of recovered `jobs` that started before the sweep `began`, and starts that never came about.

    Returns how many. A cancel that nobody heard, because the worker was dead, reaches the job here.
    """
    await _hear_cancels(client, store, began)
    left = await _left_running(client, jobs, began) + await _never_started(client, began)
    for run in left:
        if run.state and run.state.is_cancelling():
            await store.cancel(JobId(run.parameters["job_id"]))
            await _end(client, run, Cancelled(message="Its worker was lost; the job is cancelled."))
        else:
            await _end(client, run, Crashed(message="Its worker was lost; the job goes on in another run."))
    return len(left)


async def _hear_cancels(client: PrefectClient, store: JobStore, began: datetime) -> None:
    """Cancel the jobs whose run a person cancelled before any worker had it: no code of ours ran then."""
    cancelled = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLED])),
        end_time=FlowRunFilterEndTime(after_=began - _LONGEST_DEAFNESS),
    )
    for run in await client.read_flow_runs(flow_filter=_PROCESS_JOB, flow_run_filter=cancelled):
        if run.run_count == 0 and _HEARD not in run.tags:
            await store.cancel(JobId(run.parameters["job_id"]))
            await client.update_flow_run(run.id, tags=[*run.tags, _HEARD])


async def _left_running(client: PrefectClient, jobs: Sequence[JobId], began: datetime) -> list[FlowRun]:
    if not jobs:
        return []
    running = FlowRunFilter(
        tags=FlowRunFilterTags(any_=[f"job:{job}" for job in jobs]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.CANCELLING])),
        start_time=FlowRunFilterStartTime(before_=began),
    )
    return await client.read_flow_runs(flow_filter=_PROCESS_JOB, flow_run_filter=running)


async def _never_started(client: PrefectClient, began: datetime) -> list[FlowRun]:
    pending = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING])),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=began - _LONGEST_START),
    )
    return await client.read_flow_runs(flow_filter=_PROCESS_JOB, flow_run_filter=pending)


async def _end(client: PrefectClient, run: FlowRun, state: State[Any]) -> None:
    log.info("run.tidied", run=run.name, state=state.name)
    await client.set_flow_run_state(run.id, state, force=True)
