"""Contract of `ports.SubmissionStore`: attempts, intents, outcomes, turns. Promise 2 is kept here."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import get_args

import pytest

from tests.contract.store_world import ALPHA, BETA, LEASE, PROFILE, World, directory
from workers.adapters.codec import state_of
from workers.errors import StoreRefused
from workers.model import DirectoryId, DirectoryStatus, IntentAnswer, JobState, Lease
from workers.outcome import (
    Deferred,
    Evidence,
    Failed,
    NeedsHuman,
    Outcome,
    Reason,
    Rejected,
    Skipped,
    Submitted,
    Unknown,
)

PROOF = Evidence("0b.png", "https://alpha.example.com/thanks", "Thank you!", "https://alpha.example.com/l/1")
SECOND = timedelta(seconds=1)
OVER = LEASE + SECOND


async def click(world: World, lease: Lease, outcome: Outcome | None = None) -> None:
    await world.store.begin_attempt(lease, ALPHA)
    assert await world.store.commit_intent(lease, ALPHA) is IntentAnswer.COMMITTED
    if outcome:
        assert await world.store.record(lease, ALPHA, outcome, seconds=2.5)


async def test_attempts_are_counted_from_one(world: World) -> None:
    lease = await world.hold(ALPHA)
    assert await world.store.begin_attempt(lease, ALPHA) == 1
    assert await world.store.begin_attempt(lease, ALPHA) == 2
    assert await world.store.begin_attempt(lease, BETA) is None, "not part of the job"
    await world.store.record(lease, ALPHA, Skipped(Reason.ALREADY_LISTED), seconds=0)
    assert await world.store.begin_attempt(lease, ALPHA) is None, "not open any more"


@pytest.mark.parametrize("kind", get_args(Outcome))
async def test_every_outcome_is_kept_with_its_evidence(world: World, kind: type[Outcome]) -> None:
    lease = await world.hold(ALPHA)
    await world.store.begin_attempt(lease, ALPHA)
    outcome = kind(Reason.DIRECTORY_ERROR, "What the page said: “no” ☹", PROOF)
    assert await world.store.record(lease, ALPHA, outcome, seconds=2.5)
    job = await world.store.read(lease.job_id)
    assert job
    (kept,) = job.submissions
    assert (kept.state, kept.reason, kept.message) == (state_of(outcome), outcome.reason, outcome.message)
    assert (kept.evidence, kept.seconds, kept.attempts) == (PROOF, 2.5, 1)
    assert (kept.not_before is not None) == (kind is Deferred)


async def test_text_that_a_database_cannot_keep_is_replaced(world: World) -> None:
    lease = await world.hold(ALPHA)
    outcome = Failed(Reason.INTERNAL_ERROR, "a\0b\ud800c'; DROP TABLE jobs; --")
    assert await world.store.record(lease, ALPHA, outcome, seconds=0)
    job = await world.store.read(lease.job_id)
    assert job
    assert job.submissions[0].message == "a\ufffdb?c'; DROP TABLE jobs; --"


async def test_history_keeps_why_and_never_what_a_page_said(world: World) -> None:
    lease = await world.hold(ALPHA, BETA)
    await click(world, lease)
    assert await world.store.void_intent(lease, ALPHA, f"the page shows {PROFILE.email}")
    await click(world, lease, Rejected(Reason.DUPLICATE_LISTING, f"“{PROFILE.email} is listed.”"))
    await world.store.record(lease, BETA, Failed(Reason.FIELD_REFUSED, f"It refused {PROFILE.email}."), seconds=1)
    history = await world.read_history(lease.job_id)
    assert PROFILE.email not in repr(history)
    ends = [(one.directory, one.reason) for one in history if one.to_state in ("rejected", "failed")]
    assert ends == [(ALPHA, "duplicate_listing"), (BETA, "field_refused")]


async def test_the_same_outcome_recorded_again_changes_nothing_and_is_true(world: World) -> None:
    lease = await world.hold(ALPHA)
    await click(world, lease, Submitted(Reason.CONFIRMED, "Thank you!"))
    history = await world.read_history(lease.job_id)
    assert await world.store.record(lease, ALPHA, Submitted(Reason.CONFIRMED, "Thank you!"), seconds=9)
    assert await world.read_history(lease.job_id) == history


async def test_a_final_outcome_is_never_overwritten(world: World) -> None:
    lease = await world.hold(ALPHA)
    await click(world, lease, Submitted(Reason.CONFIRMED, "Thank you!"))
    assert await world.store.record(lease, ALPHA, Failed(Reason.BROWSER_CRASHED), seconds=9) is False
    assert await world.states(lease.job_id) == ["submitted"]


async def test_an_intent_allows_one_click(world: World) -> None:
    lease = await world.hold(ALPHA)
    await click(world, lease)
    assert await world.store.commit_intent(lease, ALPHA) is IntentAnswer.EARLIER_UNRESOLVED


async def test_of_many_intents_at_the_same_moment_one_is_committed(world: World) -> None:
    leases = [await world.hold(ALPHA) for _ in range(10)]
    answers = await asyncio.gather(*(world.store.commit_intent(one, ALPHA) for one in leases for _ in range(3)))
    assert answers.count(IntentAnswer.COMMITTED) == 1
    assert set(answers) == {IntentAnswer.COMMITTED, IntentAnswer.EARLIER_UNRESOLVED}


@pytest.mark.parametrize("status", [one for one in DirectoryStatus if one is not DirectoryStatus.ACTIVE])
async def test_a_directory_that_is_no_longer_active_is_not_clicked(world: World, status: DirectoryStatus) -> None:
    lease = await world.hold(ALPHA)
    await world.store.begin_attempt(lease, ALPHA)
    await world.store.set_status(ALPHA, status)
    assert await world.store.commit_intent(lease, ALPHA) is IntentAnswer.NOT_ACTIVE
    assert await world.states(lease.job_id) == ["planned"]
    await world.store.set_status(ALPHA, DirectoryStatus.ACTIVE)
    assert await world.store.commit_intent(lease, ALPHA) is IntentAnswer.COMMITTED, "the refusal left an intent"


async def test_a_directory_that_came_to_forbid_automation_is_not_clicked(world: World) -> None:
    lease = await world.hold(ALPHA)
    await world.store.import_directories([replace(directory("alpha"), allows_automation=False)])
    assert await world.store.commit_intent(lease, ALPHA) is IntentAnswer.NOT_ACTIVE


async def test_another_customer_may_be_submitted_to_the_same_directory(world: World) -> None:
    await click(world, await world.hold(ALPHA), Submitted(Reason.CONFIRMED))
    await click(world, await world.hold(ALPHA, customer="shop-2"), Submitted(Reason.CONFIRMED))


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (None, IntentAnswer.EARLIER_UNRESOLVED),
        (Submitted(Reason.CONFIRMED), IntentAnswer.ALREADY_SUBMITTED),
        (Unknown(Reason.UNCONFIRMED), IntentAnswer.EARLIER_UNRESOLVED),
        (NeedsHuman(Reason.VERIFICATION_REQUIRED), IntentAnswer.EARLIER_UNRESOLVED),
        (Rejected(Reason.DUPLICATE_LISTING), IntentAnswer.ALREADY_SUBMITTED),
        (Skipped(Reason.ALREADY_LISTED), IntentAnswer.ALREADY_SUBMITTED),
        (Rejected(Reason.VALIDATION_REFUSED, "Phone is missing."), IntentAnswer.COMMITTED),
        (Failed(Reason.BROWSER_CRASHED), IntentAnswer.EARLIER_UNRESOLVED),
        (Deferred(Reason.BROWSER_CRASHED), IntentAnswer.EARLIER_UNRESOLVED),
    ],
    ids=lambda value: str(value) if isinstance(value, IntentAnswer) else getattr(value, "reason", "open"),
)
async def test_what_became_of_a_click_decides_about_the_next(
    world: World, outcome: Outcome | None, answer: IntentAnswer
) -> None:
    await click(world, await world.hold(ALPHA), outcome)
    assert await world.store.commit_intent(await world.hold(ALPHA), ALPHA) is answer


@pytest.mark.parametrize("outcome", [Failed(Reason.BROWSER_CRASHED), Deferred(Reason.BROWSER_CRASHED)])
async def test_nothing_sent_is_not_believed_after_a_click(world: World, outcome: Outcome) -> None:
    lease = await world.hold(ALPHA)
    await click(world, lease, outcome)
    assert await world.states(lease.job_id) == ["unknown"]


@pytest.mark.parametrize("outcome", [Submitted(Reason.CONFIRMED), Unknown(Reason.UNCONFIRMED)])
async def test_what_was_sent_past_the_gate_takes_the_pair_all_the_same(world: World, outcome: Outcome) -> None:
    lease = await world.hold(ALPHA)
    await world.store.record(lease, ALPHA, outcome, seconds=1)
    assert await world.store.commit_intent(await world.hold(ALPHA), ALPHA) is not IntentAnswer.COMMITTED


async def test_a_voided_intent_lets_the_same_submission_click_again(world: World) -> None:
    lease = await world.hold(ALPHA)
    await click(world, lease)
    assert await world.store.void_intent(lease, ALPHA, "the form complained; no request left the page")
    assert await world.states(lease.job_id) == ["planned"]
    await click(world, lease, Submitted(Reason.CONFIRMED))
    assert await world.store.void_intent(lease, ALPHA, "too late") is False
    assert await world.states(lease.job_id) == ["submitted"]


async def test_a_lost_worker_leaves_unknown_and_nobody_clicks_there_again(world: World) -> None:
    lease = await world.hold(ALPHA)
    await click(world, lease)
    await world.pass_time(OVER)
    lease = await world.take(lease.job_id, "worker-2")
    assert await world.store.commit_intent(lease, ALPHA) is IntentAnswer.LEASE_LOST
    assert await world.store.begin_attempt(lease, ALPHA) is None
    assert await world.store.settle(lease) is JobState.COMPLETED
    other = await world.hold(ALPHA)
    assert await world.store.commit_intent(other, ALPHA) is IntentAnswer.EARLIER_UNRESOLVED


async def test_turns_are_reserved_one_after_the_other(world: World) -> None:
    take, limit = world.store.take_turn, timedelta(seconds=60)
    waits = [await take(ALPHA, pace=timedelta(seconds=20), wait_limit=limit) for _ in range(5)]
    assert [round(one.total_seconds()) for one in waits] == [0, 20, 40, 60, 80]
    again = await take(ALPHA, pace=timedelta(seconds=20), wait_limit=limit)
    assert round(again.total_seconds()) == 80, "a wait beyond the limit reserves nothing"
    assert await take(BETA, pace=SECOND, wait_limit=limit) == timedelta(0)
    await world.pass_time(timedelta(seconds=100))
    assert await take(ALPHA, pace=SECOND, wait_limit=timedelta(0)) == timedelta(0)


async def test_turns_at_the_same_moment_never_share_a_visit(world: World) -> None:
    pace = timedelta(seconds=10)
    takers = (world.store.take_turn(ALPHA, pace=pace, wait_limit=timedelta(hours=1)) for _ in range(20))
    waits = sorted(await asyncio.gather(*takers))
    gaps = [later - earlier for earlier, later in pairwise(waits)]
    assert min(gaps) > pace - SECOND


async def test_a_turn_at_an_unknown_directory_is_refused(world: World) -> None:
    with pytest.raises(StoreRefused):
        await world.store.take_turn(DirectoryId("nowhere"), pace=SECOND, wait_limit=SECOND)
