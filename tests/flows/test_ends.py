"""How a job's end reads in Prefect."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prefect.client.schemas.objects import StateType

from flows.ends import state_of
from tests.unit.workbench import PROFILE, directories
from workers.jobs import JobEnd, JobReport
from workers.model import ClaimRefusal, CustomerId, Job, JobId, JobState, Package, Submission, SubmissionState
from workers.outcome import Reason

JOB = Job(
    id=JobId("1a2b3c4d-0000-4000-8000-000000000000"),
    customer_id=CustomerId("c"),
    customer="shop-1",
    state=JobState.COMPLETED,
    package=Package.GROWTH,
    priority=3,
    profile=PROFILE,
    submissions=tuple(
        Submission(one, SubmissionState.SUBMITTED if one.id == "a" else SubmissionState.FAILED, reason=Reason.BLOCKED)
        for one in directories("a", "b")
    ),
)


@pytest.mark.parametrize(
    ("end", "kind", "name"),
    [
        (JobEnd.COMPLETED, StateType.COMPLETED, "Completed"),
        (JobEnd.FAILED, StateType.FAILED, "Failed"),
        (JobEnd.WAITING, StateType.COMPLETED, "Waiting"),
        (JobEnd.CANCELLED, StateType.CANCELLED, "Cancelled"),
        (JobEnd.RELEASED, StateType.COMPLETED, "Released"),
        (JobEnd.LOST, StateType.COMPLETED, "Superseded"),
    ],
)
def test_only_what_can_be_retried_ends_failed(end: JobEnd, kind: StateType, name: str) -> None:
    state = state_of(JobReport(end, JOB))
    assert (state.type, state.name) == (kind, name)


def test_a_failed_job_names_what_can_be_tried_again() -> None:
    state = state_of(JobReport(JobEnd.FAILED, JOB))
    advice = "1 directory can be tried again: b (blocked). Retry this run to try again."
    assert state.message == f"{advice} 2 directories: 1 submitted, 1 failed."


@pytest.mark.parametrize(
    ("refusal", "name"),
    [
        (ClaimRefusal.LEASED, "Superseded"),
        (ClaimRefusal.FINISHED, "Superseded"),
        (ClaimRefusal.NOT_DUE, "Waiting"),
    ],
)
def test_a_refused_run_ends_well_because_nothing_is_wrong(refusal: ClaimRefusal, name: str) -> None:
    state = state_of(JobReport(JobEnd.REFUSED, JOB, refusal))
    assert (state.type, state.name) == (StateType.COMPLETED, name)


def test_an_unknown_job_ends_failed() -> None:
    assert state_of(JobReport(JobEnd.REFUSED, None, ClaimRefusal.UNKNOWN_JOB)).type is StateType.FAILED


def test_a_job_that_failed_as_a_whole_says_so() -> None:
    spent = replace(JOB, submissions=(replace(JOB.submissions[0], state=SubmissionState.PLANNED),))
    assert str(state_of(JobReport(JobEnd.FAILED, spent)).message).startswith("The job failed before")
