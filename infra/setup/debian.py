"""Debian's own Chromium: installed as root, or unpacked into the user's cache by who may not install packages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from infra.setup.step import run, say
from workers.browser.chromium import unpacked_chromium, unpacked_node

# A font is no dependency of Chromium, but without one pages have no text to show or to measure.
# Playwright's Node needs libatomic.
PACKAGES = ("chromium-headless-shell", "fonts-liberation", "libatomic1")
_REACH = "Are Debian's servers reachable (see /etc/apt/sources.list*, http_proxy)? Then run it again."

_CHROMIUM = """#!/bin/sh
# Written by `make setup`: Debian's Chromium with the libraries that were unpacked beside it.
export LD_LIBRARY_PATH='{libraries}'"${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
export FONTCONFIG_FILE='{fonts}'
exec '{program}' "$@"
"""

# Its first argument is Playwright's …/driver/package/cli.js, and the Node meant for it is …/driver/node.
_NODE = """#!/bin/sh
# Written by `make setup`: Playwright's Node with the libraries that were unpacked beside this.
export LD_LIBRARY_PATH='{libraries}'"${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
exec "${{1%/package/*}}/node" "$@"
"""

_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{root}/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


def install_as_root() -> None:
    """Install Chromium with apt. Raises `StepFailed`."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-q"], _REACH, quiet)
    run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *PACKAGES], _REACH, quiet)


def unpack_without_root() -> None:
    """Download the packages that are missing for Chromium, and unpack them beside a script that starts it.

    apt resolves and verifies as ever, only with its lists and archives in the user's cache. Raises `StepFailed`.
    """
    target = unpacked_chromium().parent
    work = target.with_name("chromium.new")
    shutil.rmtree(work, ignore_errors=True)
    _download(work / "apt")
    say(f"unpacking Chromium into {target}")
    for package in sorted((work / "apt" / "archives").glob("*.deb")):
        run(["dpkg-deb", "--extract", package, work / "root"], "Is the disk full?")
    shutil.rmtree(work / "apt")
    shutil.rmtree(target, ignore_errors=True)
    work.rename(target)
    _write_starters(target)


def _download(folder: Path) -> None:
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    own = {
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder,
        "Dir::Cache::archives": folder / "archives",
        "Dir::State::extended_states": folder / "extended_states",
        "Debug::NoLocking": "true",  # the locks are the system's, which we do not change
    }
    options = [part for name, value in own.items() for part in ("-o", f"{name}={value}")]
    run(["apt-get", *options, "update", "-q"], _REACH)
    install = ["install", "-q", "-y", "--download-only", "--no-install-recommends"]
    run(["apt-get", *options, *install, *PACKAGES], _REACH)


def _write_starters(target: Path) -> None:
    root = target / "root"
    libraries = ":".join(map(str, _libraries(root)))
    _write_script(unpacked_node(), _NODE.format(libraries=libraries))
    program = root / "usr" / "lib" / "chromium" / "chromium-headless-shell"
    if program.exists():  # else the system has Chromium, and missed only a library
        fonts = target / "fonts.conf"
        fonts.write_text(_FONTS.format(root=root, cache=target / "fonts-cache"))
        _write_script(unpacked_chromium(), _CHROMIUM.format(libraries=libraries, fonts=fonts, program=program))


def _write_script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _libraries(root: Path) -> list[Path]:
    """Return every folder with shared libraries, also those that programs of a package share among themselves."""
    return sorted({library.parent for library in root.rglob("lib*.so*") if library.is_file()})
