"""The flow that works one job off. It shows in Prefect what `workers.jobs.run_job` does, and decides nothing itself."""

from __future__ import annotations

from contextlib import AsyncExitStack
from time import monotonic
from typing import Any
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.runtime import flow_run as current_run
from prefect.states import Cancelled

from flows import submission
from flows.board import Board
from flows.ends import directories, state_of, tally
from flows.ui_log import mirror_logs
from flows.watch import is_cancelled, watched
from workers.bootstrap import current_fleet
from workers.fleet import Fleet
from workers.jobs import Hooks, JobReport, run_job
from workers.log import get_logger
from workers.model import Directory, DirectoryId, Job, JobId
from workers.outcome import Outcome
from workers.tenure import Tenure

log = get_logger("process")


async def cancel_job(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 (Prefect's)
    """Cancel the job of a run that was cancelled from outside before it could do so itself (process workers)."""
    async with current_fleet() as fleet:
        await fleet.store.cancel(JobId(flow_run.parameters["job_id"]))


@flow(name="process-job", on_cancellation=[cancel_job])
async def process_job(job_id: UUID) -> State[Any]:
    """Submit one job to its directories. A retry of the run tries again what failed, and nothing else."""
    mirror_logs()
    run_id = UUID(current_run.id)
    async with current_fleet() as fleet:
        report = await JobRun(fleet, run_id, is_retry=current_run.run_count > 1).work(JobId(str(job_id)))
    if report.job and await is_cancelled(run_id):  # Prefect accepts no other end now, even if the job was quicker
        return Cancelled(message=f"The job is {report.job.state}. {tally(report.job)}")
    return state_of(report)


class JobRun:
    """One run of a job, as Prefect shows it."""

    def __init__(self, fleet: Fleet, run_id: UUID, *, is_retry: bool) -> None:
        self._fleet = fleet
        self._run_id = run_id
        self._is_retry = is_retry
        self._board: Board | None = None
        self._seconds: dict[DirectoryId, float] = {}

    async def work(self, job_id: JobId) -> JobReport:
        """Work the job off, with its table and its progress in view."""
        async with AsyncExitStack() as stack:

            async def begin(tenure: Tenure) -> None:
                self._board = Board(tenure.job, self._fleet.evidence)
                await stack.enter_async_context(self._board.shown())
                await stack.enter_async_context(watched(tenure, self._run_id))
                await self._introduce(tenure.job)
                if self._is_retry:
                    await submission.show_what_was_done(tenure)

            hooks = Hooks(submit=self._submit, on_claimed=begin, on_outcome=self._note)
            report = await run_job(self._fleet, job_id, is_retry=self._is_retry, hooks=hooks)
            if self._board and report.job:
                self._board.set(report.job)
        return report

    async def _introduce(self, job: Job) -> None:
        """Give the run its name and tags: what a person looks for, ids only."""
        name = f"{job.label} · {job.package} · {directories(len(job.submissions))}"
        tags = {f"job:{job.id}", f"customer:{job.customer_id}", f"package:{job.package}", f"priority:{job.priority}"}
        try:
            async with get_client() as client:
                await client.update_flow_run(self._run_id, name=name, tags=tags)
        except Exception as error:  # noqa: BLE001 (whatever it is: a name must not end a job)
            log.warning("run.unnamed", job_id=job.id, error=str(error))

    async def _submit(self, tenure: Tenure, directory: Directory) -> Outcome:
        started = monotonic()
        try:
            return await submission.submit(tenure, directory)
        finally:
            self._seconds[directory.id] = monotonic() - started

    async def _note(self, directory: Directory, outcome: Outcome) -> None:
        if self._board:
            word = submission.word_for(outcome)
            self._board.note(directory.id, outcome, word=word, seconds=self._seconds.get(directory.id))
