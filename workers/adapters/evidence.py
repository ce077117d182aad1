"""Evidence in a folder: one file each, under a name that nobody can guess and that says nothing."""

from __future__ import annotations

import asyncio
import re
import uuid
from pathlib import Path

# Also what keeps a path out of `load`: nothing but an id that `save` could have given is looked up.
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[a-z0-9]{1,5}")


class FolderEvidence:
    """Implements `ports.EvidenceStore`. The folder is readable for its owner only."""

    def __init__(self, folder: Path, public_url: str) -> None:
        self._folder = folder
        self._public_url = public_url.rstrip("/")

    async def save(self, data: bytes, *, suffix: str = ".png") -> str:
        """Keep one file and return its id, a random UUID with the suffix. Raises OSError when the disk refuses."""
        evidence_id = f"{uuid.uuid4()}{suffix}"
        await asyncio.to_thread(self._write, evidence_id, data)
        return evidence_id

    def _write(self, evidence_id: str, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / evidence_id
        path.touch(mode=0o600)
        path.write_bytes(data)

    async def load(self, evidence_id: str) -> bytes | None:
        """Return the file; None when there is none, or when this is no id of evidence."""
        if not _ID.fullmatch(evidence_id):
            return None
        try:
            return await asyncio.to_thread((self._folder / evidence_id).read_bytes)
        except FileNotFoundError:
            return None

    def link(self, evidence_id: str) -> str:
        """Return the address at which the API serves it."""
        return f"{self._public_url}/evidence/{evidence_id}"
