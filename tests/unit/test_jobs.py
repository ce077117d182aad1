"""One path: claim → submit each → settle, whatever the attempts do."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.unit.workbench import (
    CONFIRMED,
    Clock,
    ScriptedSubmitter,
    click_and_confirm,
    directories,
    fleet_with,
    order_job,
)
from workers.adapters.memory_store import MemoryStore
from workers.errors import BrowserUnavailable, LeaseLost, StoreRefused, StoreUnavailable
from workers.jobs import JobEnd, JobReport, run_job
from workers.model import ClaimRefusal, Directory, DirectoryId, DirectoryStatus, JobId, SubmissionState, WorkerId
from workers.outcome import Deferred, NeedsHuman, Outcome, Reason
from workers.ports import Gate
from workers.tenure import Stop, Tenure


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(clock: Clock) -> MemoryStore:
    store = MemoryStore(clock)
    await store.import_directories(directories("a", "b", "c", "d", "e", "f"))
    return store


def states(report: JobReport) -> dict[str, SubmissionState]:
    assert report.job is not None
    return {one.directory.id: one.state for one in report.job.submissions}


def reason_of(report: JobReport, name: str) -> Reason | None:
    assert report.job is not None
    return next(one.reason for one in report.job.submissions if one.directory.id == name)


async def test_every_directory_is_visited_once_and_the_job_completes(store: MemoryStore) -> None:
    submitter = ScriptedSubmitter()
    job_id = await order_job(store, ["a", "b", "c"])
    report = await run_job(fleet_with(submitter, store), job_id)
    assert report.end is JobEnd.COMPLETED
    assert sorted(submitter.visits) == ["a", "b", "c"]
    assert set(states(report).values()) == {SubmissionState.SUBMITTED}


async def test_a_second_run_of_a_finished_job_sends_nothing(store: MemoryStore) -> None:
    submitter = ScriptedSubmitter()
    fleet = fleet_with(submitter, store)
    job_id = await order_job(store, ["a"])
    await run_job(fleet, job_id)
    again = await run_job(fleet, job_id)
    assert (again.end, again.refusal) == (JobEnd.REFUSED, ClaimRefusal.FINISHED)
    assert submitter.visits == ["a"]


async def test_an_unknown_job_is_refused_without_a_trace(store: MemoryStore) -> None:
    report = await run_job(fleet_with(ScriptedSubmitter(), store), JobId("00000000-0000-4000-8000-000000000000"))
    assert (report.end, report.job, report.refusal) == (JobEnd.REFUSED, None, ClaimRefusal.UNKNOWN_JOB)


async def test_a_job_that_another_worker_holds_is_left_alone(store: MemoryStore) -> None:
    submitter = ScriptedSubmitter()
    job_id = await order_job(store, ["a"])
    await store.claim(job_id, WorkerId("other"), lease=timedelta(minutes=3))
    report = await run_job(fleet_with(submitter, store), job_id)
    assert (report.end, report.refusal) == (JobEnd.REFUSED, ClaimRefusal.LEASED)
    assert submitter.visits == []


async def test_nothing_sent_is_tried_again_until_the_attempts_are_spent(store: MemoryStore) -> None:
    async def down(_directory: Directory, _gate: Gate) -> Outcome:
        return Deferred(Reason.DIRECTORY_ERROR, "503")

    fleet = fleet_with(ScriptedSubmitter(down), store, max_attempts=3)
    job_id = await order_job(store, ["a"])
    ends = [(await run_job(fleet, job_id)).end for _ in range(3)]
    assert ends == [JobEnd.WAITING, JobEnd.WAITING, JobEnd.FAILED]


async def test_a_claim_does_not_cut_the_wait_of_another_directory_short(store: MemoryStore, clock: Clock) -> None:
    async def asks_for_time(directory: Directory, _gate: Gate) -> Outcome:
        return Deferred(Reason.DIRECTORY_ERROR, "503", delay=timedelta(minutes=1 if directory.id == "a" else 10))

    submitter = ScriptedSubmitter(asks_for_time)
    fleet = fleet_with(submitter, store)
    job_id = await order_job(store, ["a", "b"])
    await run_job(fleet, job_id)
    submitter.visits.clear()
    clock.now += timedelta(minutes=2)
    await run_job(fleet, job_id)
    assert submitter.visits == ["a"]


async def test_a_retry_runs_only_what_failed(store: MemoryStore) -> None:
    async def a_is_down(directory: Directory, gate: Gate) -> Outcome:
        if directory.id == "a":
            return Deferred(Reason.DIRECTORY_ERROR, "503")
        return NeedsHuman(Reason.CAPTCHA) if directory.id == "b" else await click_and_confirm(directory, gate)

    submitter = ScriptedSubmitter(a_is_down)
    fleet = fleet_with(submitter, store, max_attempts=1)
    job_id = await order_job(store, ["a", "b", "c"])
    assert (await run_job(fleet, job_id)).end is JobEnd.FAILED
    submitter.visits.clear()
    submitter.script = click_and_confirm
    report = await run_job(fleet, job_id, is_retry=True)
    assert report.end is JobEnd.COMPLETED
    assert submitter.visits == ["a"]
    assert states(report)["b"] is SubmissionState.NEEDS_HUMAN


@pytest.mark.parametrize("trouble", [BrowserUnavailable("gone"), RuntimeError("a bug of ours")])
async def test_trouble_after_the_intent_is_unknown_and_never_clicked_again(
    store: MemoryStore, trouble: Exception
) -> None:
    async def dies_after_click(_directory: Directory, gate: Gate) -> Outcome:
        await gate.commit_intent()
        raise trouble

    submitter = ScriptedSubmitter(dies_after_click)
    fleet = fleet_with(submitter, store)
    job_id = await order_job(store, ["a"])
    report = await run_job(fleet, job_id)
    assert states(report) == {"a": SubmissionState.UNKNOWN}
    await run_job(fleet, job_id, is_retry=True)
    assert submitter.visits == ["a"]


async def test_trouble_before_the_intent_is_tried_again(store: MemoryStore) -> None:
    async def dies(_directory: Directory, _gate: Gate) -> Outcome:
        raise BrowserUnavailable("gone")

    report = await run_job(fleet_with(ScriptedSubmitter(dies), store), await order_job(store, ["a"]))
    assert report.end is JobEnd.WAITING
    assert reason_of(report, "a") is Reason.BROWSER_CRASHED


async def test_a_deferral_after_the_click_is_unknown(store: MemoryStore) -> None:
    async def later_after_click(_directory: Directory, gate: Gate) -> Outcome:
        await gate.commit_intent()
        return Deferred(Reason.DIRECTORY_ERROR, "500")

    report = await run_job(fleet_with(ScriptedSubmitter(later_after_click), store), await order_job(store, ["a"]))
    assert states(report) == {"a": SubmissionState.UNKNOWN}


async def test_a_voided_intent_allows_another_click(store: MemoryStore) -> None:
    async def corrected(_directory: Directory, gate: Gate) -> Outcome:
        await gate.commit_intent()
        await gate.void_intent("the form was shown again: phone: digits only")
        await gate.commit_intent()
        return CONFIRMED

    report = await run_job(fleet_with(ScriptedSubmitter(corrected), store), await order_job(store, ["a"]))
    assert states(report) == {"a": SubmissionState.SUBMITTED}


async def test_the_deadline_ends_an_attempt_that_hangs(store: MemoryStore) -> None:
    async def hangs(_directory: Directory, _gate: Gate) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    fleet = fleet_with(
        ScriptedSubmitter(hangs), store, attempt_deadline=0.05, navigation_timeout=0.01, verdict_timeout=0.01
    )
    report = await run_job(fleet, await order_job(store, ["a"]))
    assert reason_of(report, "a") is Reason.ATTEMPT_TIMEOUT
    assert report.end is JobEnd.WAITING


async def test_another_job_of_the_same_customer_is_not_sent_twice(store: MemoryStore) -> None:
    fleet = fleet_with(ScriptedSubmitter(), store)
    await run_job(fleet, await order_job(store, ["a"]))
    second = await run_job(fleet, await order_job(store, ["a"]))
    other = await run_job(fleet, await order_job(store, ["a"], customer="customer-2"))
    assert (states(second)["a"], reason_of(second, "a")) == (SubmissionState.SKIPPED, Reason.ALREADY_SUBMITTED)
    assert states(other)["a"] is SubmissionState.SUBMITTED


async def test_an_older_holder_may_not_click(store: MemoryStore, clock: Clock) -> None:
    async def overtaken(directory: Directory, gate: Gate) -> Outcome:
        clock.now += timedelta(hours=1)
        await store.claim(job_id, WorkerId("newer"), lease=timedelta(minutes=3))
        with pytest.raises(LeaseLost):
            await gate.commit_intent()
        raise LeaseLost

    job_id = await order_job(store, ["a", "b"])
    submitter = ScriptedSubmitter(overtaken)
    report = await run_job(fleet_with(submitter, store, pages_per_browser=1), job_id)
    assert report.end is JobEnd.LOST
    assert submitter.visits == ["a"]


async def test_a_cancel_ends_the_job_between_directories(store: MemoryStore) -> None:
    heard = asyncio.Event()

    async def cancelled_meanwhile(_directory: Directory, gate: Gate) -> Outcome:
        await gate.commit_intent()
        await store.cancel(job_id)
        await heard.wait()
        return CONFIRMED

    job_id = await order_job(store, ["a", "b"])
    submitter = ScriptedSubmitter(cancelled_meanwhile)
    fleet = fleet_with(submitter, store, pages_per_browser=1)
    beat = store.beat

    async def beat_and_tell(*args: object, **kwargs: object) -> object:
        answer = await beat(*args, **kwargs)  # type: ignore[arg-type]  # passed through as it came
        if answer.value == "cancelled":
            heard.set()
        return answer

    store.beat = beat_and_tell  # type: ignore[method-assign, assignment]  # listen to the heartbeat's answer
    report = await run_job(fleet, job_id)
    assert report.end is JobEnd.CANCELLED
    assert states(report) == {"a": SubmissionState.SUBMITTED, "b": SubmissionState.CANCELLED}


async def test_a_drain_finishes_what_was_clicked_and_gives_the_rest_back(store: MemoryStore) -> None:
    async def drained_meanwhile(_directory: Directory, gate: Gate) -> Outcome:
        await gate.commit_intent()
        fleet.draining.set()
        await asyncio.sleep(0)
        return CONFIRMED

    submitter = ScriptedSubmitter(drained_meanwhile)
    fleet = fleet_with(submitter, store, pages_per_browser=1)
    job_id = await order_job(store, ["a", "b"])
    report = await run_job(fleet, job_id)
    assert report.end is JobEnd.RELEASED
    assert states(report) == {"a": SubmissionState.SUBMITTED, "b": SubmissionState.PLANNED}
    claim = await store.claim(job_id, WorkerId("next"), lease=timedelta(minutes=3))
    assert claim.lease is not None, "a released job can be claimed at once"


async def test_a_job_that_was_cancelled_before_a_drain_gave_it_back_ends_cancelled(store: MemoryStore) -> None:
    async def drained_and_cancelled(_directory: Directory, _gate: Gate) -> Outcome:
        await store.cancel(job_id)
        fleet.draining.set()
        return await asyncio.Future()

    fleet = fleet_with(ScriptedSubmitter(drained_and_cancelled), store, heartbeat_interval=9)
    job_id = await order_job(store, ["a"])
    report = await run_job(fleet, job_id)
    assert report.end is JobEnd.CANCELLED
    assert states(report) == {"a": SubmissionState.CANCELLED}


async def test_a_cancelled_task_still_records_what_was_clicked(store: MemoryStore) -> None:
    clicked, answered = asyncio.Event(), asyncio.Event()

    async def slow_answer(_directory: Directory, gate: Gate) -> Outcome:
        await gate.commit_intent()
        clicked.set()
        await answered.wait()
        return CONFIRMED

    job_id = await order_job(store, ["a"])
    run = asyncio.create_task(run_job(fleet_with(ScriptedSubmitter(slow_answer), store), job_id))
    await clicked.wait()
    run.cancel()
    answered.set()
    with pytest.raises(asyncio.CancelledError):
        await run
    job = await store.read(job_id)
    assert job is not None
    assert job.submissions[0].state is SubmissionState.SUBMITTED


async def test_slots_are_shared_by_all_jobs_of_a_process(store: MemoryStore) -> None:
    async def yields(directory: Directory, gate: Gate) -> Outcome:
        for _ in range(3):
            await asyncio.sleep(0)
        return await click_and_confirm(directory, gate)

    submitter = ScriptedSubmitter(yields)
    fleet = fleet_with(submitter, store, pages_per_browser=2)
    jobs = [await order_job(store, ["a", "b", "c", "d"], customer=f"customer-{n}") for n in range(3)]
    reports = await asyncio.gather(*(run_job(fleet, job_id) for job_id in jobs))
    assert [report.end for report in reports] == [JobEnd.COMPLETED] * 3
    assert submitter.most_at_once == 2


async def test_a_directory_paused_before_the_claim_is_skipped_unvisited(store: MemoryStore) -> None:
    submitter = ScriptedSubmitter()
    job_id = await order_job(store, ["a", "b"])
    await store.set_status(DirectoryId("a"), DirectoryStatus.PAUSED)
    report = await run_job(fleet_with(submitter, store), job_id)
    assert report.end is JobEnd.COMPLETED
    assert (states(report)["a"], reason_of(report, "a")) == (SubmissionState.SKIPPED, Reason.DIRECTORY_INACTIVE)
    assert submitter.visits == ["b"]
    assert report.job is not None
    assert report.job.submissions[0].attempts == 0


async def test_a_directory_paused_while_its_form_is_filled_is_not_clicked(store: MemoryStore) -> None:
    async def paused_meanwhile(directory: Directory, gate: Gate) -> Outcome:
        await store.set_status(directory.id, DirectoryStatus.PAUSED)
        return await click_and_confirm(directory, gate)

    report = await run_job(fleet_with(ScriptedSubmitter(paused_meanwhile), store), await order_job(store, ["a"]))
    assert (states(report)["a"], reason_of(report, "a")) == (SubmissionState.SKIPPED, Reason.DIRECTORY_INACTIVE)


async def test_a_turn_too_far_away_defers_without_counting_an_attempt(store: MemoryStore) -> None:
    await store.import_directories(directories("slow", pace=timedelta(hours=1)))
    fleet = fleet_with(ScriptedSubmitter(), store)
    await run_job(fleet, await order_job(store, ["slow"]))
    report = await run_job(fleet, await order_job(store, ["slow"], customer="customer-2"))
    assert report.end is JobEnd.WAITING
    assert reason_of(report, "slow") is Reason.PACE
    assert report.job is not None
    assert report.job.submissions[0].attempts == 0


async def test_a_database_that_stays_away_is_raised_as_such(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: object) -> None:
        raise StoreUnavailable

    job_id = await order_job(store, ["a", "b"])
    monkeypatch.setattr(store, "begin_attempt", away)
    with pytest.raises(StoreUnavailable):
        await run_job(fleet_with(ScriptedSubmitter(), store), job_id)


async def test_a_heartbeat_that_is_refused_ends_the_work_when_the_lease_is_over(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_args: object, **_kwargs: object) -> None:
        raise StoreRefused("permission denied")

    brief = {"lease": 0.2, "attempt_deadline": 0.1, "navigation_timeout": 0.05, "verdict_timeout": 0.05}
    fleet = fleet_with(ScriptedSubmitter(), store, **brief)
    claim = await store.claim(await order_job(store, ["a"]), fleet.worker_id, lease=fleet.settings.lease)
    assert claim.lease is not None
    assert claim.job is not None
    monkeypatch.setattr(store, "beat", refused)
    tenure = Tenure(fleet, claim.lease, claim.job)
    async with asyncio.timeout(5), tenure.held():
        await tenure.over()
    assert tenure.stop_reason is Stop.LOST
