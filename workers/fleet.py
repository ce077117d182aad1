"""Everything that the work needs, in one place. `workers.bootstrap` builds it; tests build it with other parts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from workers.model import WorkerId
from workers.ports import EvidenceStore, Queue, Store, Submitter
from workers.settings import Settings


@dataclass(frozen=True, slots=True)
class Fleet:
    """The parts of one process. `slots` bounds the pages over all of its jobs; `draining` asks every job to stop."""

    settings: Settings
    store: Store
    queue: Queue
    submitter: Submitter
    evidence: EvidenceStore
    worker_id: WorkerId
    slots: asyncio.Semaphore
    draining: asyncio.Event = field(default_factory=asyncio.Event)
