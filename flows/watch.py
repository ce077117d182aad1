"""Hears that a run shall stop: from a person who cancels it in Prefect's UI, or from SIGTERM.

Nothing is torn down: the job is asked to stop, and does so between two directories. What has been clicked is
waited for.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType

from workers.bootstrap import is_shared
from workers.errors import StoreUnavailable
from workers.log import get_logger
from workers.tenure import Stop, Tenure

log = get_logger("watch")

# Seconds between two looks. A cancel must be heard, and the run end, within 15 s.
_INTERVAL = 4.0


@asynccontextmanager
async def watched(tenure: Tenure, run_id: UUID) -> AsyncIterator[None]:
    """Stop the tenure when its run is cancelled, or its process terminated, while the block runs."""
    with _terminations(tenure) as terminated:
        watcher = asyncio.create_task(_watch(tenure, run_id, terminated))
        try:
            yield
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)


async def _watch(tenure: Tenure, run_id: UUID, terminated: asyncio.Event) -> None:
    while not tenure.is_over:
        try:
            async with asyncio.timeout(_INTERVAL):
                await terminated.wait()
        except TimeoutError:
            pass
        if await is_cancelled(run_id):
            await _cancel(tenure)
        elif terminated.is_set():
            tenure.stop(Stop.DRAINED)


async def _cancel(tenure: Tenure) -> None:
    try:
        await tenure.fleet.store.cancel(tenure.job.id)
    except StoreUnavailable as error:
        log.warning("cancel.failed", job_id=tenure.job.id, error=str(error))  # the next look tries again
    else:
        tenure.stop(Stop.CANCELLED)


async def is_cancelled(run_id: UUID) -> bool:
    """Whether the run was cancelled; False when Prefect's server does not answer: the job then goes on."""
    try:
        async with get_client() as client:
            run = await client.read_flow_run(run_id)
    except Exception as error:  # noqa: BLE001 (whatever it is: the job does not depend on Prefect's answer)
        log.warning("run.unread", error=str(error))
        return False
    return run.state is not None and run.state.type in (StateType.CANCELLING, StateType.CANCELLED)


@contextmanager
def _terminations(tenure: Tenure) -> Iterator[asyncio.Event]:
    """Take SIGTERM over in a process that has only this run.

    A stock process worker cancels a run with SIGTERM, and Prefect's handler would raise in the middle of whatever
    happens, be it between a click and its verdict. The FleetWorker listens for itself.
    """
    terminated = asyncio.Event()
    if is_shared(tenure.fleet):
        yield terminated
        return
    loop = asyncio.get_running_loop()
    previous = signal.getsignal(signal.SIGTERM)
    loop.add_signal_handler(signal.SIGTERM, terminated.set)
    try:
        yield terminated
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, previous)
