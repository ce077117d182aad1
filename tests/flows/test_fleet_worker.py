"""What a person sees and does in Prefect, on a real server, with submitters whose every move a test decides."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings
from prefect.states import AwaitingRetry, Cancelling

from tests.fixtures.prefect import PrefectServer
from tests.flows.runs import ended, start_job, task_states, working
from tests.unit.workbench import CONFIRMED, ScriptedSubmitter, directories, fleet_with, order_job
from tests.waiting import until
from workers.adapters.memory_store import MemoryStore
from workers.log import configure_logging
from workers.model import Directory, JobState, SubmissionState
from workers.outcome import Deferred, Evidence, Outcome, Reason, Submitted
from workers.ports import Gate


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    await store.import_directories(directories("a", "b", "c", "d"))
    return store


async def test_a_run_carries_the_name_tags_and_table_of_its_job(deployed: PrefectServer, store: MemoryStore) -> None:
    async def with_screenshot(_directory: Directory, gate: Gate) -> Outcome:
        await gate.commit_intent()
        return Submitted(Reason.CONFIRMED, "Thank you", Evidence(screenshot="1.png"))

    job_id = await order_job(store, ["a", "b"])
    job = await store.read(job_id)
    assert job is not None
    async with deployed.client() as client, working(fleet_with(ScriptedSubmitter(with_screenshot), store)):
        run = await ended(client, (await start_job(client, job_id)).id)
        assert run.name == f"DIR-{job_id[:8]} · custom · 2 directories"
        assert {f"customer:{job.customer_id}", "package:custom", f"priority:{job.priority}"} <= set(run.tags)
        assert run.state is not None
        assert (run.state.type, run.state.message) == (StateType.COMPLETED, "2 directories: 2 submitted.")
        assert await task_states(client, run.id) == {"submit:a": ["Submitted"], "submit:b": ["Submitted"]}
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        artifacts = {one.type: one for one in await client.read_artifacts(artifact_filter=mine)}
    table = json.loads(str(artifacts["table"].data))
    assert [(row["directory"], row["outcome"], row["evidence"]) for row in table] == [
        ("a", "submitted", "[screenshot](1.png)"),
        ("b", "submitted", "[screenshot](1.png)"),
    ]
    assert artifacts["progress"].data == 100
    assert len(artifacts) == 2


async def test_a_retry_in_the_ui_runs_only_what_can_be_retried(deployed: PrefectServer, store: MemoryStore) -> None:
    is_down = True

    async def b_is_down(directory: Directory, gate: Gate) -> Outcome:
        if directory.id == "b" and is_down:
            return Deferred(Reason.NAVIGATION_TIMEOUT, "no answer")
        await gate.commit_intent()
        return CONFIRMED

    submitter = ScriptedSubmitter(b_is_down)
    job_id = await order_job(store, ["a", "b", "c"])
    async with deployed.client() as client, working(fleet_with(submitter, store, max_attempts=1)):
        run = await ended(client, (await start_job(client, job_id)).id)
        assert run.state is not None
        assert run.state.type is StateType.FAILED
        assert str(run.state.message).startswith("1 directory can be tried again: b (navigation_timeout).")
        assert (await task_states(client, run.id))["submit:b"] == ["Failed"]

        is_down = False
        await client.set_flow_run_state(run.id, AwaitingRetry())
        run = await ended(client, run.id, runs=2)
        assert run.state_type is StateType.COMPLETED
        assert await task_states(client, run.id) == {
            "submit:a": ["Submitted", "Cached"],
            "submit:b": ["Failed", "Submitted"],
            "submit:c": ["Submitted", "Cached"],
        }
    assert sorted(submitter.visits) == ["a", "b", "b", "c"]


async def test_a_waiting_job_ends_its_run_well_and_says_so(deployed: PrefectServer, store: MemoryStore) -> None:
    async def later(_directory: Directory, _gate: Gate) -> Outcome:
        return Deferred(Reason.DIRECTORY_ERROR, "500")

    job_id = await order_job(store, ["a"])
    async with deployed.client() as client, working(fleet_with(ScriptedSubmitter(later), store, retry_delay=60)):
        run = await ended(client, (await start_job(client, job_id)).id)
        assert run.state is not None
        assert (run.state.type, run.state.name) == (StateType.COMPLETED, "Waiting")
        assert str(run.state.message).startswith("1 directory to be tried again; another run goes on at ")


async def test_a_full_disk_for_prefects_results_costs_no_submission(
    deployed: PrefectServer, store: MemoryStore, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    submitter = ScriptedSubmitter()
    job_id = await order_job(store, ["a", "b"])
    async with deployed.client() as client:
        with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: tmp_path / "file" / "results"}):
            async with working(fleet_with(submitter, store)):
                run = await ended(client, (await start_job(client, job_id)).id)
    assert (run.state_type, run.state_name) == (StateType.COMPLETED, "Completed")
    assert sorted(submitter.visits) == ["a", "b"]


async def test_a_cancel_in_the_ui_waits_for_what_was_clicked_and_ends_within_15_s(
    deployed: PrefectServer, store: MemoryStore
) -> None:
    clicked, answer = asyncio.Event(), asyncio.Event()

    async def a_is_clicked_while_b_loads(directory: Directory, gate: Gate) -> Outcome:
        if directory.id == "b":
            await asyncio.Event().wait()
        await gate.commit_intent()
        clicked.set()
        await answer.wait()
        return CONFIRMED

    submitter = ScriptedSubmitter(a_is_clicked_while_b_loads)
    fleet = fleet_with(submitter, store, pages_per_browser=2, heartbeat_interval=9)
    job_id = await order_job(store, ["a", "b", "c"])
    async with deployed.client() as client, working(fleet):
        run = await start_job(client, job_id)
        await clicked.wait()
        started = time.monotonic()
        await client.set_flow_run_state(run.id, Cancelling())
        await until(lambda: submitter.at_once == 1, seconds=15)
        assert (await client.read_flow_run(run.id)).state_type is StateType.CANCELLING, "a's verdict is waited for"
        answer.set()
        run = await ended(client, run.id)
        assert time.monotonic() - started < 15
        assert run.state_type is StateType.CANCELLED
    job = await store.read(job_id)
    assert job is not None
    assert job.state is JobState.CANCELLED
    assert [one.state for one in job.submissions] == [
        SubmissionState.SUBMITTED,
        SubmissionState.CANCELLED,
        SubmissionState.CANCELLED,
    ]


async def test_a_second_run_of_a_held_job_is_superseded(deployed: PrefectServer, store: MemoryStore) -> None:
    clicked, answer = asyncio.Event(), asyncio.Event()

    async def slow(_directory: Directory, gate: Gate) -> Outcome:
        await gate.commit_intent()
        clicked.set()
        await answer.wait()
        return CONFIRMED

    submitter = ScriptedSubmitter(slow)
    job_id = await order_job(store, ["a"])
    async with deployed.client() as client, working(fleet_with(submitter, store)):
        first = await start_job(client, job_id)
        await clicked.wait()
        second = await ended(client, (await start_job(client, job_id)).id)
        assert (second.state_type, second.state_name) == (StateType.COMPLETED, "Superseded")
        answer.set()
        assert (await ended(client, first.id)).state_type is StateType.COMPLETED
    assert submitter.visits == ["a"]


@pytest.fixture
def json_logs() -> Iterator[None]:
    """Log as a worker does."""
    configure_logging("INFO")
    yield
    structlog.reset_defaults()
    logging.getLogger("fleet").handlers.clear()
    logging.getLogger("fleet").propagate = True


@pytest.mark.usefixtures("json_logs")
async def test_two_runs_in_one_process_keep_their_tasks_and_logs_apart(
    deployed: PrefectServer, store: MemoryStore
) -> None:
    both = asyncio.Barrier(2)

    async def meet(_directory: Directory, gate: Gate) -> Outcome:
        async with asyncio.timeout(10):
            await both.wait()
        await gate.commit_intent()
        return CONFIRMED

    jobs = [await order_job(store, [name], customer=name) for name in ("a", "b")]
    async with deployed.client() as client, working(fleet_with(ScriptedSubmitter(meet), store)):
        runs = [await start_job(client, job_id) for job_id in jobs]
        for run, name in zip(runs, ("a", "b"), strict=True):
            await ended(client, run.id)
            assert await task_states(client, run.id) == {f"submit:{name}": ["Submitted"]}
            mine = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))

            async def says_its_own(name: str = name, mine: LogFilter = mine) -> bool:
                lines = [line.message for line in await client.read_logs(mine) if line.name.startswith("fleet.")]
                recorded = [line for line in lines if line.startswith("submission.recorded")]
                return recorded == [f"submission.recorded directory={name} outcome=Submitted reason=confirmed"]

            await until(says_its_own, seconds=15)


async def test_a_drain_gives_the_job_back_for_the_next_worker(deployed: PrefectServer, store: MemoryStore) -> None:
    clicked, answer = asyncio.Event(), asyncio.Event()

    async def slow(_directory: Directory, gate: Gate) -> Outcome:
        await gate.commit_intent()
        clicked.set()
        await answer.wait()
        return CONFIRMED

    submitter = ScriptedSubmitter(slow)
    fleet = fleet_with(submitter, store, pages_per_browser=1)
    job_id = await order_job(store, ["a", "b"])
    async with deployed.client() as client:
        async with working(fleet):
            run = await start_job(client, job_id)
            await clicked.wait()
            later = await start_job(client, await order_job(store, ["c"], customer="late"))
            fleet.draining.set()
            answer.set()
        first = await client.read_flow_run(run.id)
        assert (first.state_type, first.state_name) == (StateType.COMPLETED, "Released")
        assert (await client.read_flow_run(later.id)).state_type is not StateType.RUNNING
        answer.set()
        async with working(fleet_with(submitter, store)):
            second = await ended(client, (await start_job(client, job_id)).id)
        assert second.state_type is StateType.COMPLETED
    assert [visit for visit in submitter.visits if visit != "c"] == ["a", "b"]
