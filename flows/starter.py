"""Starts the run of a job. The run's key is the hint, so a hint that comes twice starts one run."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound

from workers.model import Hint

PROCESS_JOB = "process-job/fleet"


class RunStarter:
    """Creates runs over one open client: one request for each, once the deployment is known."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client
        self._deployment: UUID | None = None

    async def start(self, hint: Hint) -> None:
        """Create the run (`workers.consumer.StartRun`); its queue is the hint's priority.

        A later hint starts none while an earlier one's run still waits: when no worker is there, hints go on coming.
        """
        if hint.number > 1 and await self._is_waiting(hint):
            return
        try:
            await self._create(hint, self._deployment or await self._find())
        except ObjectNotFound:
            if self._deployment is None:
                raise
            await self._create(hint, await self._find())  # it was deleted and deployed anew meanwhile

    async def _is_waiting(self, hint: Hint) -> bool:
        waiting = FlowRunFilter(
            tags=FlowRunFilterTags(any_=[f"job:{hint.job_id}"]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        )
        return bool(await self._client.read_flow_runs(flow_run_filter=waiting, limit=1))

    async def _find(self) -> UUID:
        self._deployment = None
        self._deployment = (await self._client.read_deployment_by_name(PROCESS_JOB)).id
        return self._deployment

    async def _create(self, hint: Hint, deployment: UUID) -> None:
        await self._client.create_flow_run_from_deployment(
            deployment,
            parameters={"job_id": hint.job_id},
            name=f"DIR-{hint.job_id[:8]}",
            tags=[f"job:{hint.job_id}", f"priority:{hint.priority}"],
            idempotency_key=f"{hint.job_id}:{hint.number}",
            work_queue_name=f"p{hint.priority}",
        )
