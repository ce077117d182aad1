"""How the end of a job is shown as the state of its run, with a sentence for people.

`Failed` means one thing: something in the job can be tried again, and the UI's Retry does it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, assert_never

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from workers.jobs import JobEnd, JobReport
from workers.model import ClaimRefusal, Job, Submission, SubmissionState


def state_of(report: JobReport) -> State[Any]:
    """Return the state that the run ends in."""
    job = report.job
    if job is None:
        return Failed(message="There is no such job in the database.")
    state: State[Any]
    match report.end:
        case JobEnd.COMPLETED:
            state = Completed(message=tally(job))
        case JobEnd.FAILED:
            state = Failed(message=f"{_retryable(job)} Retry this run to try again. {tally(job)}")
        case JobEnd.WAITING:
            state = Completed(name="Waiting", message=f"{_waiting(job)} {tally(job)}")
        case JobEnd.CANCELLED:
            state = Cancelled(message=f"The job was cancelled. {tally(job)}")
        case JobEnd.RELEASED:
            state = Completed(name="Released", message=f"This worker stops; another run goes on. {tally(job)}")
        case JobEnd.LOST:
            state = Completed(name="Superseded", message="Another run has this job now.")
        case JobEnd.REFUSED:
            state = _refused(job, report.refusal)
        case _:
            assert_never(report.end)
    return state


def _refused(job: Job, refusal: ClaimRefusal | None) -> State[Any]:
    if refusal is ClaimRefusal.NOT_DUE:
        return Completed(name="Waiting", message=_waiting(job))
    if refusal is ClaimRefusal.LEASED:
        return Completed(name="Superseded", message="Another run has this job now.")
    return Completed(name="Superseded", message=f"The job had ended before this run began: {job.state}. {tally(job)}")


def tally(job: Job) -> str:
    """Count the submissions by state, as in `14 directories: 9 submitted, 5 needs human`."""
    counts = Counter(one.state.value.replace("_", " ") for one in job.submissions)
    parts = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    return f"{directories(len(job.submissions))}: {parts}."


def directories(count: int) -> str:
    """Return the count with its noun."""
    return "1 directory" if count == 1 else f"{count} directories"


def _retryable(job: Job) -> str:
    failed = [one for one in job.submissions if one.state is SubmissionState.FAILED]
    if not failed:
        return "The job failed before its directories were done."
    return f"{directories(len(failed))} can be tried again: {_named(failed)}."


def _named(submissions: Iterable[Submission]) -> str:
    return ", ".join(f"{one.directory.id} ({one.reason})" for one in submissions)


def _waiting(job: Job) -> str:
    count = sum(one.state.is_open for one in job.submissions)
    when = f" at {job.not_before:%H:%M:%S} UTC" if job.not_before else ""
    return f"{directories(count)} to be tried again; another run goes on{when}."
