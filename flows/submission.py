"""A Prefect task for each directory of a job: `submit:{directory}`.

The task is what a person sees. What it returns is kept under a key of job and directory, so that a retried run
shows what was done before as `Cached`. It never decides anything: whether a submission is open is the database's
word, and an open one is always attempted, whatever Prefect remembers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, assert_never

from prefect import task
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed
from prefect.task_engine import run_task_async

from workers.attempt import AttemptStopped, attempt
from workers.errors import LeaseLost
from workers.model import Directory, Submission, SubmissionState
from workers.outcome import Deferred, NeedsHuman, Outcome, Rejected, Skipped, Submitted, Unknown
from workers.outcome import Failed as Spent
from workers.tenure import Tenure

Summary = dict[str, str]  # outcome and reason: words from closed lists, no personal data
Work = Callable[[], Awaitable[State[Any]]]


async def submit(tenure: Tenure, directory: Directory) -> Outcome:
    """Make an attempt inside a task (`workers.jobs.Submit`). What it raises is raised here, past Prefect's states.

    When Prefect does not let the task run, the attempt is made all the same: its server costs the picture, never
    the job.
    """
    results: list[Outcome | Exception] = []

    async def work() -> State[Any]:
        try:
            outcome = await attempt(tenure, directory)
        except (LeaseLost, AttemptStopped) as stop:
            results.append(stop)
            return Cancelled(message=str(stop))
        except Exception as error:
            results.append(error)
            raise
        results.append(outcome)
        return state_of(outcome)

    await _run(tenure, directory, work, is_fresh=True)
    if not results:
        return await attempt(tenure, directory)
    if isinstance(results[0], Exception):
        raise results[0]
    return results[0]


async def show_what_was_done(tenure: Tenure) -> None:
    """Bring the submissions that need no attempt back as tasks of this run: `Cached`, or as the database says."""
    for submission in tenure.job.submissions:
        if not submission.state.is_open:
            await _run(tenure, submission.directory, _recall(submission), is_fresh=False)


def _recall(submission: Submission) -> Work:
    async def work() -> State[Any]:
        return _done(submission.state, submission.reason or "")

    return work


async def _run(tenure: Tenure, directory: Directory, work: Work, *, is_fresh: bool) -> None:
    key = f"{tenure.job.id}:{directory.id}"

    @task(
        name="submit",
        task_run_name=f"submit:{directory.id}",
        cache_key_fn=lambda *_: key,
        refresh_cache=is_fresh,
        persist_result=True,
    )
    async def submit_to_directory() -> State[Any]:
        return await work()

    await run_task_async(submit_to_directory, return_type="state")


def state_of(outcome: Outcome) -> State[Any]:
    """Show an outcome as a task's state: `Failed` for what may be tried again, else its own word."""
    match outcome:
        case Submitted() | Rejected() | NeedsHuman() | Skipped() | Unknown():
            return _done(_STATES[type(outcome)], outcome.reason)
        case Deferred():
            return Failed(name="Deferred", message=outcome.reason.sentence)
        case Spent():
            return Failed(message=outcome.reason.sentence)
        case _:
            assert_never(outcome)


_STATES = {
    Submitted: SubmissionState.SUBMITTED,
    Rejected: SubmissionState.REJECTED,
    NeedsHuman: SubmissionState.NEEDS_HUMAN,
    Skipped: SubmissionState.SKIPPED,
    Unknown: SubmissionState.UNKNOWN,
}


def word_for(outcome: Outcome) -> str:
    """Return the word for an outcome, as the task shows it."""
    return (state_of(outcome).name or "").lower()


def _done(state: SubmissionState, reason: str) -> State[Any]:
    summary: Summary = {"outcome": state.value, "reason": str(reason)}
    return Completed(name=state.value.replace("_", " ").capitalize(), data=summary)
