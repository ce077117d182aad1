"""Finds the Chromium that Fleet drives.

Only the standard library is imported, so that the set-up of a bare machine can ask, too.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from workers.errors import ChromiumMissing

_ON_PATH = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_USUAL_FOLDERS = ("/usr/bin", "/usr/local/bin", "/snap/bin", "/opt/google/chrome")
_MAC_APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_PLAYWRIGHT_BINARIES = {"chromium-headless-shell": "chrome-headless-shell", "chromium": "chrome"}


def find_chromium(explicit: Path | None = None) -> Path:
    """Return the Chromium to drive: the explicit one, Playwright's own, the system's, or the set-up's unpacked one.

    `explicit` is the setting `chromium`; without it the variable FLEET_CHROMIUM counts. A path that was named and
    is no executable file is an error, never a reason to take another browser. Raises `ChromiumMissing`.
    """
    named = explicit or _from_environment()
    if named:
        if _is_executable(named):
            return named
        raise ChromiumMissing(f"FLEET_CHROMIUM names {named}, which is no executable file. Correct it, or unset it.")
    for candidate in _candidates():
        if _is_executable(candidate):
            return candidate
    raise ChromiumMissing(
        "No Chromium was found. Install one: `make setup` does, or `apt-get install chromium-headless-shell`, "
        "or `playwright install chromium-headless-shell`; or name one in FLEET_CHROMIUM."
    )


def unpacked_chromium() -> Path:
    """Return where `infra.setup` puts the Chromium that it unpacks for a user who may not install packages."""
    return cache_folder() / "chromium" / "chromium-headless-shell"


def unpacked_node() -> Path:
    """Return where `infra.setup` puts a script that starts Playwright's Node with the libraries it unpacked."""
    return cache_folder() / "chromium" / "node"


def cache_folder() -> Path:
    """Return the folder for what Fleet downloads once for a user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fleet"


def _from_environment() -> Path | None:
    value = os.environ.get("FLEET_CHROMIUM")
    return Path(value) if value else None


def _candidates() -> Iterator[Path]:
    yield from _playwright_downloads()
    for name in _ON_PATH:
        found = shutil.which(name)
        if found:
            yield Path(found)
        yield from (Path(folder, name) for folder in _USUAL_FOLDERS)
    yield from map(Path, _MAC_APPLICATIONS)
    yield unpacked_chromium()


def _playwright_downloads() -> Iterator[Path]:
    """Yield what `playwright install` downloaded for the installed Playwright, the headless shell first."""
    spec = importlib.util.find_spec("playwright")
    if spec is None or spec.origin is None:
        return
    package = Path(spec.origin).parent / "driver" / "package"
    try:
        browsers = json.loads((package / "browsers.json").read_text())["browsers"]
    except OSError:
        return
    revisions = {browser["name"]: browser["revision"] for browser in browsers}
    for name, binary in _PLAYWRIGHT_BINARIES.items():
        folder = _playwright_folder(package) / f"{name.replace('-', '_')}-{revisions[name]}"
        if (folder / "INSTALLATION_COMPLETE").exists():
            yield from folder.glob(f"chrom*/{binary}")


def _playwright_folder(package: Path) -> Path:
    configured = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if configured == "0":
        return package / ".local-browsers"
    if configured:
        return Path(configured)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ms-playwright"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ms-playwright"


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
