"""FleetWorker, a Prefect worker of type `fleet`: runs flows in its own process, beside warm browsers.

A stock process worker starts a Python for every run (about 4.5 s and 96 MB) and cannot share a browser. This one
awaits the flow in its own event loop, with one Fleet for all runs. It runs the code that is installed with it;
pull steps, commands and environments of a deployment mean nothing here.

SIGTERM drains: no new run is taken, every job stops between two directories and is given back.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import anyio
import anyio.abc
import httpx
from prefect.client.schemas.objects import Flow as ApiFlow
from prefect.client.schemas.objects import FlowRun, WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.context import AsyncClientContext
from prefect.exceptions import Abort, InfrastructureNotFound, Pause
from prefect.flow_engine import AsyncFlowRunEngine
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.settings import (
    PREFECT_WORKER_QUERY_SECONDS,
    temporary_settings,
)
from prefect.states import Cancelled
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult
from pydantic import Field, PrivateAttr

from workers.bootstrap import BrowserSubmitter, open_fleet, share
from workers.errors import ServiceUnavailable
from workers.fleet import Fleet
from workers.log import get_logger

log = get_logger("worker")

# A click that was made is waited for: the verdict's own limit is 20 s, and its record takes a moment.
DRAIN_GRACE = timedelta(seconds=25)

# How often a worker reports itself: what health says of the browsers shall be true of half a minute ago.
SIGN_OF_LIFE = timedelta(seconds=10)


class FleetJobConfiguration(BaseJobConfiguration):
    """What a work pool of type `fleet` says about its runs."""

    browsers: bool = Field(
        default=False, description="Whether runs of this pool drive browsers; its workers then start them beforehand."
    )
    _entrypoint: str | None = PrivateAttr(default=None)

    def prepare_for_flow_run(
        self,
        flow_run: FlowRun,
        deployment: DeploymentResponse | None = None,
        flow: ApiFlow | None = None,
        work_pool: WorkPool | None = None,
        worker_name: str | None = None,
        worker_id: UUID | None = None,
    ) -> None:
        """Keep the deployment's entrypoint, which the base class has just read."""
        super().prepare_for_flow_run(flow_run, deployment, flow, work_pool, worker_name, worker_id)
        self._entrypoint = deployment.entrypoint if deployment else None

    @property
    def entrypoint(self) -> str:
        """The module path of the flow. Raises `ValueError` for a run without a deployment."""
        if self._entrypoint is None:
            raise ValueError("A fleet worker runs deployments only; this run has none.")
        return self._entrypoint


class FleetWorkerResult(BaseWorkerResult):
    """How a run left the process."""


@dataclass
class SharedLoopEngine(AsyncFlowRunEngine[Any, Any]):
    """Prefect's engine without two habits that suit one process for each run, not many runs in one loop.

    It takes SIGTERM over for each run, and raises in whatever the loop does at that moment; and it blocks the
    loop until an observer thread for suspensions is connected (and up to 2 s when the run ends).
    """

    take_signals_back: Callable[[], None] = lambda: None

    @contextmanager
    def setup_flow_run_suspension_request(self) -> Iterator[Any]:
        """Begin a run: called right after SIGTERM was taken over, before anything is awaited."""
        self.take_signals_back()
        yield self._get_flow_run_suspension_request()


class FleetWorker(BaseWorker[FleetJobConfiguration, BaseVariables, FleetWorkerResult]):
    """Runs deployments of Fleet's flows in this process."""

    type = "fleet"
    job_configuration = FleetJobConfiguration
    _display_name = "Fleet"
    _description = "Runs Fleet's flows in one process that shares its browsers over all runs."

    def __init__(
        self, *args: Any, open_fleet: Callable[[], AbstractAsyncContextManager[Fleet]] = open_fleet, **kwargs: Any
    ) -> None:
        # A run needs no head start here. One that is taken ten seconds early, as by default, holds a place of its
        # deployment's limit all that time, and the next one is cancelled for it.
        super().__init__(*args, **{**kwargs, "prefetch_seconds": 1})
        self.heartbeat_interval_seconds = min(self.heartbeat_interval_seconds, int(SIGN_OF_LIFE.total_seconds()))
        self._open_fleet = open_fleet
        self._fleet: Fleet | None = None
        self._flows: dict[str, Flow[..., Any]] = {}
        self._is_in_a_hurry = False

    @property
    def fleet(self) -> Fleet:
        """The Fleet that all runs of this process share."""
        if self._fleet is None:
            raise RuntimeError("The worker has not been started.")
        return self._fleet

    async def start(
        self, run_once: bool = False, with_healthcheck: bool = False, printer: Callable[..., None] = print
    ) -> None:
        """Serve until drained. Every run shares one Fleet and one client of Prefect's API."""
        async with AsyncExitStack() as stack:
            stack.enter_context(_brisk_settings())
            await stack.enter_async_context(AsyncClientContext.get_or_create())
            self._fleet = await stack.enter_async_context(self._open_fleet())
            share(self._fleet)
            stack.callback(share, None)
            self._limit = self._limit or self._fleet.settings.max_jobs_in_flight
            stack.enter_context(self._signals())
            await self._serve_until_drained(super().start(run_once, with_healthcheck, printer))

    async def _serve_until_drained(self, service: Any) -> None:
        serving = asyncio.create_task(service)
        draining = asyncio.create_task(self._drain())
        try:
            await asyncio.wait({serving, draining}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            draining.cancel()
            if serving.done():
                serving.result()
            serving.cancel()
            await asyncio.wait({serving})

    async def _drain(self) -> None:
        """Wait for the word to stop, then until all runs have ended, the grace is over, or the word comes again."""
        await self.fleet.draining.wait()
        log.info("worker.draining", runs=self._runs)
        with anyio.move_on_after(DRAIN_GRACE.total_seconds()):
            while self._runs and not self._is_in_a_hurry:  # noqa: ASYNC110 (Prefect's count offers nothing to wait on)
                await anyio.sleep(0.1)
        log.info("worker.drained", runs=self._runs)

    @property
    def _runs(self) -> int:
        return int(self._limiter.borrowed_tokens) if self._limiter else 0

    @contextmanager
    def _signals(self) -> Iterator[None]:
        self._listen()
        yield
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        loop.add_signal_handler(signal.SIGINT, self._stop)

    def _stop(self) -> None:
        self._is_in_a_hurry = self.fleet.draining.is_set()
        self.fleet.draining.set()

    async def setup(self) -> None:
        """Connect, then start the browsers if the pool is one that drives them."""
        await super().setup()
        submitter = self.fleet.submitter
        if self._drives_browsers() and isinstance(submitter, BrowserSubmitter):
            await submitter.warm_up()

    def _drives_browsers(self) -> bool:
        """Read the pool's own default: the base job template is where an operator sets it."""
        if self._work_pool is None:  # Prefect's server is away; the browsers start with the first attempt then
            return False
        properties = self._work_pool.base_job_template.get("variables", {}).get("properties", {})
        return bool(properties.get("browsers", {}).get("default"))

    async def sync_with_backend(self) -> None:
        """Report to Prefect and to the database."""
        with _patience():
            await super().sync_with_backend()
        submitter = self.fleet.submitter
        try:
            await self.fleet.store.worker_beat(
                self.fleet.worker_id,
                slots=self.fleet.settings.slots if self._drives_browsers() else 0,
                busy=submitter.pool.busy if isinstance(submitter, BrowserSubmitter) else 0,
                jobs=self._runs,
            )
        except ServiceUnavailable as error:
            log.warning("worker.unreported", error=str(error))

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Take scheduled runs, unless this worker drains."""
        if self.fleet.draining.is_set():
            return []
        with _patience():
            return await super().get_and_submit_flow_runs()
        return []

    async def run(
        self,
        flow_run: FlowRun,
        configuration: FleetJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> FleetWorkerResult:
        """Run one flow run to its end. How it ended is the run's state in Prefect; nothing is raised for it."""
        flow = self._flow(configuration.entrypoint)
        if task_status is not None:
            task_status.started(os.getpid())
        engine = SharedLoopEngine(
            flow=flow, flow_run=flow_run, parameters=flow_run.parameters, take_signals_back=self._listen
        )
        try:
            async with engine.start():
                while engine.is_running():
                    async with engine.run_context():
                        _ = await engine.call_flow_fn()
        except (Abort, Pause) as refusal:
            log.info("run.refused", flow_run=str(flow_run.id), reason=str(refusal))
            await self._end_cancelling(flow_run)
        return FleetWorkerResult(identifier=f"{socket.gethostname()}:{os.getpid()}", status_code=0)

    def _flow(self, entrypoint: str) -> Flow[..., Any]:
        if entrypoint not in self._flows:
            self._flows[entrypoint] = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
        return self._flows[entrypoint]

    async def _end_cancelling(self, flow_run: FlowRun) -> None:
        """End a run that was cancelled while it began or ended: the server refuses it every other state."""
        now = await self.client.read_flow_run(flow_run.id)
        if now.state and now.state.is_cancelling():
            await self.client.set_flow_run_state(flow_run.id, Cancelled(message="Cancelled in time."), force=True)

    async def kill_infrastructure(
        self,
        infrastructure_pid: str,
        configuration: FleetJobConfiguration,  # noqa: ARG002 (the base class passes it)
        grace_seconds: int = 30,  # noqa: ARG002
    ) -> None:
        """Raise `InfrastructureNotFound`: Prefect asks only for runs that have not begun, and those hold nothing."""
        raise InfrastructureNotFound(f"{infrastructure_pid} holds nothing for a run that has not begun")


@contextmanager
def _patience() -> Iterator[None]:
    """Let Prefect's server be away for as long as it is: the base class would end the process, with all its jobs."""
    try:
        yield
    except httpx.HTTPError as error:
        if isinstance(error, httpx.HTTPStatusError) and error.response.status_code < 500:
            raise
        log.warning("prefect.away", error=str(error) or type(error).__name__)


def _brisk_settings() -> AbstractContextManager[Any]:
    """Ask for work every second; what the operator sets wins."""
    return temporary_settings(
        set_defaults={
            PREFECT_WORKER_QUERY_SECONDS: 1,
        }
    )
