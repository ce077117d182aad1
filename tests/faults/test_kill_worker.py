"""Kill -9 of the worker that has the browsers, in the middle of a job."""

from __future__ import annotations

import os
import signal

from tests.fixtures.stack import RunningStack, order, states
from workers.model import Job, JobState, SubmissionState
from workers.orders import place_order
from workers.outcome import Reason

SLUGS = ("slow", "plain", "wizard", "limits", "positional", "spa", "preview", "honeypot")


def state_of(job: Job, slug: str) -> SubmissionState:
    return next(one.state for one in job.submissions if one.directory.id == f"sample-{slug}")


async def test_the_job_of_a_killed_worker_ends_without_a_second_submission(stack: RunningStack) -> None:
    await stack.reset_sites()
    async with stack.fleet() as fleet:
        enqueued = await place_order(fleet.store, fleet.queue, order(*SLUGS))
        await stack.until(
            fleet,
            enqueued.job_id,
            lambda job: any(one.state is SubmissionState.SUBMITTED for one in job.submissions),
            seconds=30,
        )
        worker = stack.state.parts["browsers"]
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        job = await stack.until_ended(fleet, enqueued.job_id, seconds=120)
    assert job.recoveries == 1, "the job had ended before its worker was killed"
    assert job.state in (JobState.COMPLETED, JobState.FAILED), states(job)
    accepted = await stack.accepted()
    assert max(accepted.values()) == 1
    submitted = {one.directory.id for one in job.submissions if one.state is SubmissionState.SUBMITTED}
    assert {f"sample-{slug}" for slug in accepted} >= submitted
    assert stack.state.parts["browsers"] not in (None, worker)


async def test_a_worker_killed_between_the_click_and_the_answer_leaves_an_unknown_that_nobody_sends_again(
    stack: RunningStack,
) -> None:
    """`slow` thinks for two seconds before it answers a POST: the worker dies while the intent stands."""
    await stack.reset_sites()
    async with stack.fleet() as fleet:
        enqueued = await place_order(fleet.store, fleet.queue, order("slow", "plain"))
        await stack.until(
            fleet, enqueued.job_id, lambda job: state_of(job, "slow") is SubmissionState.SUBMITTING, seconds=40
        )
        worker = stack.state.parts["browsers"]
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        job = await stack.until_ended(fleet, enqueued.job_id, seconds=120)
    slow = next(one for one in job.submissions if one.directory.id == "sample-slow")
    assert (slow.state, slow.reason) == (SubmissionState.UNKNOWN, Reason.WORKER_LOST)
    assert (job.state, job.recoveries) == (JobState.COMPLETED, 1)
    accepted = await stack.accepted()
    assert accepted["plain"] == 1
    assert accepted.get("slow", 0) <= 1, "the POST that died with its worker may have counted, a second one never"
