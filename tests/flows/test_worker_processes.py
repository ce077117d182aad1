"""Workers as an operator starts them: `prefect worker start`, with real Chromium, Postgres and sample sites."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelling
from prefect.workers.process import ProcessWorker

from infra.local.demo import demo_profile
from tests.fixtures.prefect import PrefectServer, end
from tests.fixtures.sites import SampleSites
from tests.flows.runs import ended, start_job, task_states
from tests.waiting import until
from workers.adapters.postgres import open_postgres_store
from workers.adapters.store import DatabaseStore
from workers.model import DirectoryId, JobId, JobState, Order, SubmissionState
from workers.settings import load_settings

PLAIN, SLOW = DirectoryId("sample-plain"), DirectoryId("sample-limits")
"""Two directories; the second one's page is kept waiting where a test wants an attempt that has not clicked."""


@pytest.fixture
async def store(database_url: str, sites: SampleSites) -> AsyncIterator[DatabaseStore]:
    store = await open_postgres_store(load_settings({"database_url": database_url}))
    await store.import_directories(sites.directories)
    yield store
    await store.close()


@pytest.fixture
def environment(deployed: PrefectServer, database_url: str, tmp_path: Path) -> Mapping[str, str]:
    """What leads a worker's process to the parts of this test."""
    return {
        **deployed.environment,
        "DATABASE_URL": database_url,
        "FLEET_STORE": "postgres",
        "FLEET_QUEUE": "memory",
        "FLEET_EVIDENCE_DIR": str(tmp_path / "evidence"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }


@contextmanager
def worker(pool: str, environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `prefect worker start` while the block runs."""
    command = [sys.executable, "-m", "prefect", "--no-prompt", "worker", "start", "--pool", pool, "--name", pool]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env={**environment}, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        end(process)


async def order(store: DatabaseStore, *names: DirectoryId) -> JobId:
    return (await store.enqueue(Order(profile=demo_profile(), customer="shop-1", directories=names))).job_id


async def submission_states(store: DatabaseStore, job_id: JobId) -> dict[str, SubmissionState]:
    job = await store.read(job_id)
    assert job is not None
    return {one.directory.id: one.state for one in job.submissions}


async def until_submitted(store: DatabaseStore, job_id: JobId, directory: DirectoryId) -> None:
    async def is_submitted() -> bool:
        return (await submission_states(store, job_id))[directory] is SubmissionState.SUBMITTED

    await until(is_submitted, seconds=60)


async def test_sigterm_gives_the_job_back_and_leaves_no_process(
    deployed: PrefectServer,
    environment: Mapping[str, str],
    store: DatabaseStore,
    sites: SampleSites,
    tmp_path: Path,
) -> None:
    sites.fault("limits", latency=25)
    job_id = await order(store, PLAIN, SLOW)
    async with deployed.client() as client:
        with worker("fleet", environment, tmp_path / "worker.log") as process:
            run = await start_job(client, job_id)
            await until_submitted(store, job_id, PLAIN)
            family = psutil.Process(process.pid).children(recursive=True)
            assert any("chrom" in one.name() for one in family)
            process.terminate()
            assert await asyncio.to_thread(process.wait, 20) == 0
        assert not psutil.wait_procs(family, timeout=5)[1]
        run = await client.read_flow_run(run.id)
    assert (run.state_type, run.state_name) == (StateType.COMPLETED, "Released")
    job = await store.read(job_id)
    assert job is not None
    assert job.state is JobState.PENDING
    assert await submission_states(store, job_id) == {PLAIN: SubmissionState.SUBMITTED, SLOW: SubmissionState.PLANNED}
    assert len(sites.accepted("plain")) == 1
    assert not sites.ledger("limits")


@pytest.fixture
async def stock(deployed: PrefectServer) -> str:
    """The deployment of jobs once more, on a pool of Prefect's own type `process`."""
    async with deployed.client() as client:
        template = ProcessWorker.get_default_base_job_template()
        await client.create_work_pool(WorkPoolCreate(name="stock", type="process", base_job_template=template))
        fleet = await client.read_deployment_by_name("process-job/fleet")
        await client.create_deployment(fleet.flow_id, "stock", entrypoint=fleet.entrypoint, work_pool_name="stock")
    return "stock"


async def test_a_stock_process_worker_runs_and_cancels_the_same_flow(
    deployed: PrefectServer,
    environment: Mapping[str, str],
    store: DatabaseStore,
    sites: SampleSites,
    stock: str,
    tmp_path: Path,
) -> None:
    async with deployed.client() as client:
        with worker(stock, environment, tmp_path / "worker.log"):
            await _runs(client, store, sites, stock)
            await _cancels(client, store, sites, stock)


async def _runs(client: PrefectClient, store: DatabaseStore, sites: SampleSites, deployment: str) -> None:
    job_id = await order(store, PLAIN)
    run = await ended(client, (await start_job(client, job_id, deployment)).id, seconds=90)
    assert (run.state_type, run.name) == (StateType.COMPLETED, f"DIR-{job_id[:8]} · custom · 1 directory")
    assert await task_states(client, run.id) == {f"submit:{PLAIN}": ["Submitted"]}
    assert len(sites.accepted("plain")) == 1


async def _cancels(client: PrefectClient, store: DatabaseStore, sites: SampleSites, deployment: str) -> None:
    sites.fault("limits", latency=25)
    selects = DirectoryId("sample-positional")
    job_id = await order(store, selects, SLOW)
    run = await start_job(client, job_id, deployment)
    await until_submitted(store, job_id, selects)
    started = time.monotonic()
    await client.set_flow_run_state(run.id, Cancelling())
    run = await ended(client, run.id)
    assert time.monotonic() - started < 15
    assert run.state_type is StateType.CANCELLED
    job = await store.read(job_id)
    assert job is not None
    assert job.state is JobState.CANCELLED
    assert await submission_states(store, job_id) == {
        selects: SubmissionState.SUBMITTED,
        SLOW: SubmissionState.CANCELLED,
    }
    assert not sites.ledger("limits")
