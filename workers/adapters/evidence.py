"""Evidence as files under one folder, named by UUIDs made here: nothing of a page or a customer is in them."""

from __future__ import annotations

import asyncio
import re
import uuid
from pathlib import Path

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[a-z0-9]{1,5}")


class FolderEvidence:
    """Keeps evidence in a folder that only its owner can read (`ports.EvidenceStore`)."""

    def __init__(self, folder: Path, public_url: str) -> None:
        self._folder = folder
        self._public_url = public_url.rstrip("/")

    async def save(self, data: bytes, *, suffix: str = ".png") -> str:
        """Keep one file and return its id. Raises `OSError` when the disk does not take it; nothing is left then."""
        evidence_id = f"{uuid.uuid4()}{suffix}"
        if not _ID.fullmatch(evidence_id):
            raise ValueError(f"{suffix!r} is no suffix of a file")
        await asyncio.to_thread(self._write, evidence_id, data)
        return evidence_id

    async def load(self, evidence_id: str) -> bytes | None:
        """Return the file, or None: for what is not here, and for what is no id at all."""
        if not _ID.fullmatch(evidence_id):
            return None
        try:
            return await asyncio.to_thread((self._folder / evidence_id).read_bytes)
        except FileNotFoundError:
            return None

    def link(self, evidence_id: str) -> str:
        """Return the address at which people see it."""
        return f"{self._public_url}/evidence/{evidence_id}"

    def _write(self, evidence_id: str, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / evidence_id
        try:
            with path.open("xb") as file:
                path.chmod(0o600)
                file.write(data)
        except OSError:
            path.unlink(missing_ok=True)
            raise
