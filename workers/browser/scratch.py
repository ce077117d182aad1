"""Folders for temporary files, which a later pool removes when the process that made them was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "fleet-browsers-"
_LOCK = "lock"
_PROFILE_LINK = "profile"
_PROFILE_PREFIX = "playwright_"


class Scratch:
    """One pool's folder. A lock in it, which ends with the process, tells that it is in use."""

    def __init__(self) -> None:
        # Hidden from `sweep` until it is locked.
        unlocked = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}"))
        self._lock = os.open(unlocked / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._root = unlocked.rename(unlocked.with_name(unlocked.name.removeprefix(".")))

    def folder(self) -> Path:
        """Make a new folder inside."""
        return Path(tempfile.mkdtemp(dir=self._root))

    def remove(self) -> None:
        """Remove the folder with everything in it. Safe to call twice."""
        shutil.rmtree(self._root, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def note_profile(folder: Path, profile: Path) -> None:
    """Note in a browser's folder where its profile lies, for Playwright puts that where it likes."""
    (folder / _PROFILE_LINK).symlink_to(profile)


def remove_browser_folder(folder: Path) -> None:
    """Remove a browser's folder and the profile that was noted in it."""
    link = folder / _PROFILE_LINK
    if link.is_symlink():
        profile = link.readlink()
        if profile.name.startswith(_PROFILE_PREFIX):
            shutil.rmtree(profile, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def sweep() -> int:
    """Remove the folders of pools whose process is gone; return how many."""
    return sum(_remove_if_unused(folder) for folder in _of_this_user())


def _of_this_user() -> Iterator[Path]:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if folder.lstat().st_uid == os.geteuid():
                yield folder
        except OSError:
            continue


def _remove_if_unused(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for browser in folder.iterdir():
            if browser.is_dir():
                remove_browser_folder(browser)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
