"""Sees to it that there is a Chromium that starts: the one found, else one installed, downloaded or unpacked."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.setup.debian import install_as_root, unpack_without_root
from infra.setup.environment import VENV
from infra.setup.step import StepFailed, run, say
from workers.browser.chromium import find_chromium
from workers.browser.pool import BrowserPool
from workers.errors import BrowserUnavailable, ChromiumMissing, FleetError
from workers.log import configure_logging
from workers.settings import Settings, load_settings

_STAMP = VENV / "chromium"
_ADVICE = "Install Chromium or Chrome yourself, or name one in FLEET_CHROMIUM, then run it again."


@dataclass(frozen=True)
class Way:
    """One way to a Chromium."""

    name: str
    is_open: bool
    go: Callable[[], None]


def ensure_chromium() -> None:
    """Return when a Chromium is there that opens a page. Raises `StepFailed`."""
    if _is_known_to_start():
        return
    for way in _ways():
        say(way.name)
        try:
            way.go()
            _start()
        except StepFailed as failure:
            say(f"that did not do: {failure}")
        else:
            return
    raise StepFailed(f"no Chromium could be had. {_ADVICE}")


def _ways() -> list[Way]:
    is_root = os.geteuid() == 0
    has_apt = shutil.which("apt-get") is not None
    ways = [
        Way("taking the Chromium that is there", _find() is not None, lambda: None),
        Way("installing Debian's Chromium", is_root and has_apt, install_as_root),
        Way("downloading Playwright's Chromium", not _find(), _download),
        Way("unpacking Debian's Chromium into your cache", has_apt and not is_root, unpack_without_root),
    ]
    return [way for way in ways if way.is_open]


def _download() -> None:
    if not _has_libraries():
        raise StepFailed("it would not start, for libraries that it needs are missing here (libnss3, libatomic1, …).")
    playwright = [sys.executable, "-m", "playwright"]
    environment = {"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000"} | os.environ
    run([*playwright, "install", "chromium-headless-shell"], "Its download server is out of reach.", environment)
    try:
        _start()
    except StepFailed:
        # It would be found before any other.
        run([*playwright, "uninstall"], "Remove its folder by hand.", environment)
        raise


def _has_libraries() -> bool:
    """Whether the libraries are there that a downloaded Chromium and its driver expect, and a bare Debian lacks."""
    try:
        for library in ("libnss3.so", "libnspr4.so", "libfontconfig.so.1", "libatomic.so.1"):
            ctypes.CDLL(library)
    except OSError:
        return sys.platform == "darwin"
    return True


def _find() -> Path | None:
    try:
        return find_chromium(_settings().chromium)
    except ChromiumMissing:
        if _settings().chromium:
            raise  # somebody named one that is not there: to look for another would not be what they want
        return None


def _settings() -> Settings:
    return load_settings({"store": "memory", "queue": "memory", "browsers": 1})


def _start() -> None:
    """Open a page in the Chromium that is there, as a worker would, and note that it went well."""
    if _is_known_to_start():
        return
    chromium = _find()
    if chromium is None:
        raise StepFailed("it is not where it should be")
    say(f"trying {chromium}")
    try:
        asyncio.run(_open_page())
    except BrowserUnavailable as error:
        raise StepFailed(str(error)) from error
    _STAMP.write_text(_identity(chromium))


async def _open_page() -> None:
    async with BrowserPool(_settings()) as pool, pool.page() as page:
        await page.goto("data:text/html,<p>hello")


def _is_known_to_start() -> bool:
    found = _find()
    return found is not None and _STAMP.exists() and _STAMP.read_text() == _identity(found)


def _identity(chromium: Path) -> str:
    state = chromium.stat()
    return f"{chromium}\n{state.st_mtime_ns}\n{state.st_size}\n"


def main() -> int:
    """Look after Chromium; return the exit code."""
    configure_logging("WARNING")
    try:
        ensure_chromium()
    except (StepFailed, FleetError) as failure:
        say(str(failure))
        return 1
    except KeyboardInterrupt:
        say("interrupted; run it again to go on")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
