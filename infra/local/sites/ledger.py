"""What every sample site received: one entry for each POST, whether it took it, and why (not)."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# A benchmark posts some thousands; the oldest entries go when this many are held.
LIMIT = 50_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One POST. `at` is an ISO 8601 moment in UTC; values that came under one name are joined with `; `."""

    number: int
    site: str
    at: str
    path: str
    fields: Mapping[str, str]
    accepted: bool
    why: str
    listing: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        """Build an entry from what `as_json` gave."""
        return cls(**data)

    def as_json(self) -> dict[str, Any]:
        """Return the entry as JSON has it."""
        return asdict(self)


class Ledger:
    """All entries, in memory and (when a file is given) appended to it, so that they survive a restart.

    Raises OSError when the file cannot be written, ValueError when it holds something else than entries.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._entries: deque[Entry] = deque(self._read(), maxlen=LIMIT)

    def _read(self) -> list[Entry]:
        if self._file is None:
            return []
        with self._file.open("a+b") as file:
            file.seek(0)
            content = file.read()
            whole, _, half = content.rpartition(b"\n")
            if half:  # a killed server left half a line; the next entry must not be glued to it
                file.truncate(len(content) - len(half))
        return [_parse(line) for line in whole.split(b"\n") if line]

    def note(self, site: str, path: str, fields: Mapping[str, str], why: str, *, is_accepted: bool) -> Entry:
        """Append one POST and return its entry; an accepted one gets a listing."""
        number = self._entries[-1].number + 1 if self._entries else 1001
        entry = Entry(
            number=number,
            site=site,
            at=datetime.now(UTC).isoformat(),
            path=path,
            fields=dict(fields),
            accepted=is_accepted,
            why=why,
            listing=f"/listing/{number}" if is_accepted else None,
        )
        self._append(entry)
        return entry

    def _append(self, entry: Entry) -> None:
        self._entries.append(entry)
        if self._file is not None:
            with self._file.open("a", encoding="ascii") as file:
                file.write(json.dumps(entry.as_json()) + "\n")

    def entries(self, site: str | None = None) -> list[Entry]:
        """Return the entries in their order, of all sites or of one."""
        return [entry for entry in self._entries if site in (None, entry.site)]

    def listings(self, site: str) -> list[Entry]:
        """Return what one site took."""
        return [entry for entry in self.entries(site) if entry.accepted]

    def clear(self) -> None:
        """Forget everything, the file's content too."""
        self._entries.clear()
        if self._file is not None:
            self._file.write_bytes(b"")


def _parse(line: bytes) -> Entry:
    try:
        return Entry.from_json(json.loads(line))
    except TypeError as error:
        raise ValueError(f"a line is no entry ({error})") from None
