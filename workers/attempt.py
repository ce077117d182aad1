"""One attempt at one directory: count it, make it under a deadline, write down what came of it.

The rule of promise 2 lives here: once the intent is committed, whatever goes wrong is `Unknown`, never a reason
to click again.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from time import monotonic

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from workers.errors import BrowserUnavailable, FleetError, IntentRefused, LeaseLost, StoreUnavailable
from workers.log import get_logger
from workers.model import Directory, DirectoryId, IntentAnswer, Lease
from workers.outcome import Deferred, Failed, NeedsHuman, Outcome, Reason, Skipped, Unknown
from workers.ports import SubmissionStore
from workers.settings import Settings
from workers.tenure import Tenure

log = get_logger("attempt")


class AttemptStopped(FleetError):
    """The work on the job was asked to stop before anything was sent."""


class IntentGate:
    """The gate before the last click (`ports.Gate`). `is_open` from the commit until the intent is voided."""

    def __init__(self, store: SubmissionStore, lease: Lease, directory: DirectoryId) -> None:
        self._store = store
        self._lease = lease
        self._directory = directory
        self.is_open = False
        self.refusal: IntentAnswer | None = None

    async def commit_intent(self) -> None:
        """Commit the intent. From the call on the click counts as possible: the commit's answer may be lost."""
        self.is_open = True
        answer = await self._store.commit_intent(self._lease, self._directory)
        if answer is IntentAnswer.COMMITTED:
            return
        self.is_open = False
        self.refusal = answer
        if answer is IntentAnswer.LEASE_LOST:
            raise LeaseLost
        raise IntentRefused

    async def void_intent(self, proof: str) -> None:
        """Take the intent back; raises `LeaseLost` when it is not ours any more."""
        if not await self._store.void_intent(self._lease, self._directory, proof):
            raise LeaseLost
        self.is_open = False


async def attempt(tenure: Tenure, directory: Directory) -> Outcome:
    """Make one attempt and record its outcome. Raises `LeaseLost` when the job is not ours any more.

    Raises `AttemptStopped` when the tenure ended before the click. After the click a stop and a cancellation
    both wait until the outcome is recorded.
    """
    gate = IntentGate(tenure.fleet.store, tenure.lease, directory.id)
    work = asyncio.create_task(_attempt(tenure, directory, gate))
    over = asyncio.create_task(tenure.over())
    try:
        await asyncio.wait({work, over}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done() and not gate.is_open:
            work.cancel()
            await asyncio.wait({work})
            raise AttemptStopped
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        if not gate.is_open:
            work.cancel()
        await asyncio.wait({work})
        raise
    finally:
        over.cancel()


async def _attempt(tenure: Tenure, directory: Directory, gate: IntentGate) -> Outcome:
    store, settings = tenure.fleet.store, tenure.fleet.settings
    number = await store.begin_attempt(tenure.lease, directory.id)
    if number is None:
        raise LeaseLost
    started = monotonic()
    outcome = await _make(tenure, directory, gate)
    outcome = _weigh(outcome, number, gate, settings)
    await _record(tenure, directory, outcome, seconds=monotonic() - started)
    log.info("submission.recorded", directory=directory.id, outcome=type(outcome).__name__, reason=outcome.reason)
    return outcome


async def _make(tenure: Tenure, directory: Directory, gate: IntentGate) -> Outcome:
    """Run the form engine under the deadline; everything but a lost lease or database becomes an outcome."""
    fleet = tenure.fleet
    try:
        async with asyncio.timeout(fleet.settings.attempt_deadline.total_seconds()):
            return await fleet.submitter.attempt(directory, tenure.job.profile, gate)
    except IntentRefused:
        return _refused(gate)
    except TimeoutError:
        return Deferred(Reason.ATTEMPT_TIMEOUT, Reason.ATTEMPT_TIMEOUT.sentence)
    except BrowserUnavailable as error:
        return Deferred(Reason.BROWSER_CRASHED, str(error))
    except (LeaseLost, StoreUnavailable):
        raise
    except Exception as error:
        log.exception("attempt.failed", directory=directory.id)
        return Deferred(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}"[:300])


def _refused(gate: IntentGate) -> Outcome:
    if gate.refusal is IntentAnswer.ALREADY_SUBMITTED:
        return Skipped(Reason.ALREADY_SUBMITTED, Reason.ALREADY_SUBMITTED.sentence)
    if gate.refusal is IntentAnswer.NOT_ACTIVE:
        return Skipped(Reason.DIRECTORY_INACTIVE, Reason.DIRECTORY_INACTIVE.sentence)
    return NeedsHuman(Reason.EARLIER_UNRESOLVED, Reason.EARLIER_UNRESOLVED.sentence)


def _weigh(outcome: Outcome, number: int, gate: IntentGate, settings: Settings) -> Outcome:
    """Turn "later" into "unknown" after a click, and into "failed" when the attempts are spent."""
    if not isinstance(outcome, Deferred):
        return outcome
    if gate.is_open:
        return Unknown(outcome.reason, outcome.message, outcome.evidence)
    if number >= settings.max_attempts:
        return Failed(outcome.reason, outcome.message, outcome.evidence)
    return replace(outcome, delay=max(outcome.delay, backoff(number, settings)))


def backoff(number: int, settings: Settings) -> timedelta:
    """Return the wait after attempt `number`: doubling up to the limit, with jitter against herds."""
    doublings: int = 2 ** (number - 1)
    longest = min(settings.retry_delay * doublings, settings.retry_delay_limit)
    return longest * random.uniform(0.5, 1)  # noqa: S311 (jitter needs no secrecy)


async def _record(tenure: Tenure, directory: Directory, outcome: Outcome, *, seconds: float) -> None:
    """Write the outcome, trying again while the database is away and the lease may still be ours."""
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(StoreUnavailable),
        stop=stop_after_delay(tenure.fleet.settings.lease),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        reraise=True,
    )
    async for again in retrying:
        with again:
            recorded = await tenure.fleet.store.record(tenure.lease, directory.id, outcome, seconds=seconds)
    if not recorded:
        raise LeaseLost
