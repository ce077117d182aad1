"""A stop ends at once what has not clicked, and waits for what has."""

from __future__ import annotations

import asyncio

from tests.unit.workbench import CONFIRMED, ScriptedSubmitter, directories, fleet_with, order_job
from workers.adapters.memory_store import MemoryStore
from workers.jobs import JobEnd, run_job
from workers.model import Directory, SubmissionState
from workers.outcome import Outcome
from workers.ports import Gate


async def test_a_drain_does_not_wait_for_a_page_that_loads_but_for_a_click() -> None:
    loading, clicked, answer = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def load_a_click_b(directory: Directory, gate: Gate) -> Outcome:
        if directory.id == "a":
            loading.set()
            await asyncio.Event().wait()
        await gate.commit_intent()
        clicked.set()
        await answer.wait()
        return CONFIRMED

    store = MemoryStore()
    await store.import_directories(directories("a", "b"))
    submitter = ScriptedSubmitter(load_a_click_b)
    fleet = fleet_with(submitter, store, pages_per_browser=2, attempt_deadline=25)
    job_id = await order_job(store, ["a", "b"])
    async with asyncio.timeout(5):
        run = asyncio.create_task(run_job(fleet, job_id))
        await asyncio.gather(loading.wait(), clicked.wait())
        fleet.draining.set()
        while submitter.at_once > 1:  # noqa: ASYNC110 (a's end sets no event of ours)
            await asyncio.sleep(0)
        assert not run.done(), "b's verdict is waited for"
        answer.set()
        report = await run
    assert report.end is JobEnd.RELEASED
    assert report.job is not None
    assert {one.directory.id: (one.state, one.attempts) for one in report.job.submissions} == {
        "a": (SubmissionState.PLANNED, 0),
        "b": (SubmissionState.SUBMITTED, 1),
    }
