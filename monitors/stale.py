"""Takes jobs back from lost workers, and sends the hints that are due: the relay of the outbox."""

from __future__ import annotations

from dataclasses import dataclass

from workers.errors import QueueUnavailable
from workers.log import get_logger
from workers.model import JobId, JobState
from workers.ports import Queue, Store
from workers.settings import Settings

log = get_logger("monitors.stale")

# A sweep that took a batch has five seconds to send it (`due_hints_v1`); SQS takes a hint in some milliseconds.
BATCH = 100
BATCHES = 10


@dataclass(frozen=True, slots=True)
class StaleReport:
    """What one sweep did: `recovered` jobs go on, `ended` ones do not; `unsent` hints wait for the next sweep."""

    recovered: tuple[JobId, ...] = ()
    ended: tuple[JobId, ...] = ()
    unknown: int = 0
    sent: int = 0
    unsent: int = 0


async def recover_stale_jobs(store: Store, queue: Queue, settings: Settings) -> StaleReport:
    """Recover what is stale, then send what is due. Two sweeps at once recover each job once."""
    recoveries = await store.recover_stale(max_recoveries=settings.max_recoveries)
    sent, unsent = await send_due_hints(store, queue, settings)
    report = StaleReport(
        recovered=tuple(one.job_id for one in recoveries if one.state is JobState.PENDING),
        ended=tuple(one.job_id for one in recoveries if one.state is not JobState.PENDING),
        unknown=sum(one.unknown for one in recoveries),
        sent=sent,
        unsent=unsent,
    )
    if report != StaleReport():
        log.info("jobs.recovered", recovered=report.recovered, ended=report.ended, sent=sent, unsent=unsent)
    return report


async def send_due_hints(store: Store, queue: Queue, settings: Settings) -> tuple[int, int]:
    """Send the hints that are due; return how many went out and how many could not (the queue is away).

    A sweep sends at most `BATCHES` × `BATCH` hints; what is left is due again at the next one.
    """
    total = 0
    for _ in range(BATCHES):
        hints = await store.due_hints(rehint_after=settings.rehint_after, limit=BATCH)
        for sent, hint in enumerate(hints):
            try:
                await queue.send(hint)
            except QueueUnavailable as error:
                log.warning("hints.unsent", count=len(hints) - sent, error=str(error))
                return total + sent, len(hints) - sent
            await store.hint_sent(hint)
        total += len(hints)
        if len(hints) < BATCH:
            break
    return total, 0
