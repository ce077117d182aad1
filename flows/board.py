"""What a person sees of a job in Prefect's UI while it runs: a table of its directories and a progress bar."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from prefect.artifacts import ProgressArtifact, TableArtifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from workers.log import get_logger
from workers.model import DirectoryId, Job, Submission
from workers.outcome import Deferred, Outcome
from workers.ports import EvidenceStore

log = get_logger("board")

# Seconds between two updates: nobody reads a page faster, and an update costs Prefect's server about 20 ms.
_REST = 4.0

Row = dict[str, Any]


class Board:
    """The artifacts of one run of a job. Trouble with Prefect's server costs the picture, never the job."""

    def __init__(self, job: Job, evidence: EvidenceStore) -> None:
        self._job = job
        self._evidence = evidence
        self._rows: dict[DirectoryId, Row] = {}
        self._open: set[DirectoryId] = set()
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._ids: tuple[UUID, UUID] | None = None
        self.set(job)

    def set(self, job: Job) -> None:
        """Show the job as the database holds it."""
        self._rows = {one.directory.id: self._row(one) for one in job.submissions}
        self._open = {one.directory.id for one in job.submissions if one.state.is_open}
        self._changed.set()

    def note(self, directory: DirectoryId, outcome: Outcome, *, word: str, seconds: float | None) -> None:
        """Take an outcome in; it is shown soon."""
        self._rows[directory] |= {
            "outcome": word,
            "reason": outcome.reason.sentence,
            "seconds": None if seconds is None else round(seconds, 1),
            "evidence": self._link(outcome.evidence.screenshot),
        }
        if not isinstance(outcome, Deferred):
            self._open.discard(directory)
        self._changed.set()

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Keep the artifacts up to date while the block runs, and bring the last change at its end."""
        painter = asyncio.create_task(self._paint())
        try:
            yield
        finally:
            self._over.set()
            await painter

    async def _paint(self) -> None:
        is_last = False
        while not is_last:
            await _first_of(self._changed, self._over)
            is_last = self._over.is_set()
            if self._changed.is_set():
                self._changed.clear()
                await self._show()
            await _first_of(self._over, limit=_REST)

    async def _show(self) -> None:
        table = list(self._rows.values())
        progress = round(100 * (1 - len(self._open) / max(len(table), 1)), 1)
        try:
            if self._ids is None:
                self._ids = await self._create(table, progress)
            else:
                await _update(self._ids, table, progress)
        except Exception as error:  # noqa: BLE001 (whatever it is: a picture must not end a job)
            log.warning("board.unshown", job_id=self._job.id, error=str(error))

    async def _create(self, table: list[Row], progress: float) -> tuple[UUID, UUID]:
        label = self._job.label
        made = await TableArtifact(
            key=f"job-{self._job.id}", description=f"{label}: what happened where", table=table
        ).acreate()
        bar = await ProgressArtifact(
            key=f"progress-{self._job.id}", description=f"{label}: directories that are done", progress=progress
        ).acreate()
        return made.id, bar.id

    def _row(self, submission: Submission) -> Row:
        return {
            "directory": submission.directory.id,
            "outcome": submission.state.value.replace("_", " "),
            "reason": submission.reason.sentence if submission.reason else "",
            "seconds": None if submission.seconds is None else round(submission.seconds, 1),
            "evidence": self._link(submission.evidence.screenshot),
        }

    def _link(self, screenshot: str | None) -> str:
        """Return a link as the UI renders it: the cells of a table are Markdown."""
        return f"[screenshot]({self._evidence.link(screenshot)})" if screenshot else ""


async def _update(ids: tuple[UUID, UUID], table: list[Row], progress: float) -> None:
    async with get_client() as client:
        await client.update_artifact(ids[0], ArtifactUpdate(data=await TableArtifact(table=table).aformat()))
        await client.update_artifact(ids[1], ArtifactUpdate(data=progress))


async def _first_of(*events: asyncio.Event, limit: float | None = None) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
