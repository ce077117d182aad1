"""What the embedded stack asks of its Prefect server: whether workers are there, and the runs of a job."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.local.network import ask
from workers.errors import StackError
from workers.model import JobId

PROCESS_FLOW = "process-job"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job as Prefect knows it."""

    id: str
    url: str
    state: str
    has_ended: bool
    started_at: datetime


async def is_online(prefect: str, pool: str, name: str, since: datetime) -> bool:
    """Whether the worker reported to its pool after `since`: an older report may be of a dead one of that name."""
    answer = await ask(f"{prefect}/api/work_pools/{pool}/workers/filter", {})
    return any(
        worker["name"] == name and datetime.fromisoformat(worker["last_heartbeat_time"]) > since
        for worker in json.loads(answer or "[]")
    )


async def find_runs(prefect: str, job_id: JobId) -> list[Run]:
    """Return the job's runs that started, newest first. Raises `StackError` when the server does not answer."""
    wanted = {
        "flow_runs": {"start_time": {"is_null_": False}},
        "flows": {"name": {"any_": [PROCESS_FLOW]}},
        "sort": "START_TIME_DESC",
        "limit": 200,
    }
    answer = await ask(f"{prefect}/api/flow_runs/filter", wanted)
    if answer is None:
        raise StackError("The Prefect server does not answer.")
    return [_run(prefect, run) for run in json.loads(answer) if run["parameters"].get("job_id") == job_id]


async def end_lost_runs(prefect: str, before: datetime) -> int:
    """End the runs that began before a moment and are shown as running; return how many there were.

    The processes of an earlier stack are gone, and told nobody when they were killed: their runs would keep the places
    of the next shifts for minutes. Raises `StackError` when the server does not answer.
    """
    wanted = {
        "flow_runs": {
            "state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}},
            "expected_start_time": {"before_": before.isoformat()},
        },
        "limit": 200,
    }
    answer = await ask(f"{prefect}/api/flow_runs/filter", wanted)
    if answer is None:
        raise StackError("The Prefect server does not answer.")
    lost = json.loads(answer)
    crashed = {"state": {"type": "CRASHED", "message": "The stack that ran it is gone."}}
    for run in lost:
        await ask(f"{prefect}/api/flow_runs/{run['id']}/set_state", crashed)
    return len(lost)


def _run(prefect: str, run: dict[str, Any]) -> Run:
    return Run(
        id=run["id"],
        url=f"{prefect}/runs/flow-run/{run['id']}",
        state=run["state_name"],
        has_ended=run["state_type"] in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED"),
        started_at=datetime.fromisoformat(run["start_time"]),
    )
