"""The folder that an embedded stack lives in: its lock, and the file that says what runs where."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from workers.errors import StackError

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class StackState:
    """What a running stack tells others. `environment` holds the variables that lead a command to it."""

    stack: str
    pid: int
    is_ready: bool
    addresses: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    parts: dict[str, int | None] = field(default_factory=dict)  # name to process id


class Home:
    """One folder, one stack. The kernel frees the lock when its holder dies, however that happens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / "stack.json"
        self._lock = folder / "stack.lock"

    @classmethod
    def find(cls, folder: Path | None = None) -> Home:
        """Return the given folder, else `.fleet` in the project, else (not writable) one in the user's cache."""
        if folder is None:
            folder = PROJECT / ".fleet"
            if not os.access(folder if folder.exists() else PROJECT, os.W_OK):
                folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fleet"
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    def log(self, part: str) -> Path:
        """Return the path of a part's log."""
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        return logs / f"{part}.log"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the folder while a stack runs in it. Raises `StackError` when another one does."""
        with self._lock.open("a") as lock:
            if not _try_lock(lock, fcntl.LOCK_EX, patience=1):
                raise StackError(f"A stack runs already in {self.folder}; see `fleet status`.")
            yield

    def is_held(self) -> bool:
        """Whether a stack runs in this folder."""
        with self._lock.open("a") as lock:
            return not _try_lock(lock, fcntl.LOCK_SH)

    def running(self) -> StackState | None:
        """Return the state of the stack that runs here, or None."""
        return self.last() if self.is_held() else None

    def last(self) -> StackState | None:
        """Return the last state written, also when its stack is dead, or None."""
        try:
            return StackState(**json.loads(self._state.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write(self, state: StackState) -> None:
        """Replace the state in one step; only its owner may read it."""
        fresh = self._state.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(asdict(state), indent=1))
        fresh.replace(self._state)

    def forget(self) -> None:
        """Remove the state: the stack ended in order."""
        self._state.unlink(missing_ok=True)


def _try_lock(file: IO[str], kind: int, patience: float = 0) -> bool:
    """Lock without waiting, but for those (`patience`, in seconds) who only look whether it is held."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        else:
            return True
