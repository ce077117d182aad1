"""Finds uv, or fetches the very wheel that `uv.lock` names: the one download without a package client."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import sys
import tomllib
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from infra.setup.step import StepFailed, say
from workers.browser.chromium import cache_folder

_SECONDS = 60


def find_uv(lock: Path) -> Path:
    """Return the uv that the lock names: fetched before, installed beside us, or fetched now. Raises `StepFailed`."""
    package = _locked_uv(lock)
    kept = cache_folder() / f"uv-{package['version']}" / "uv"
    if kept.exists():
        return kept
    wheel = _wheel_for_this_machine(package["wheels"])
    if wheel is None:
        return _installed_uv()
    say(f"fetching uv {package['version']} to {kept.parent}")
    _keep(_binary(_download(wheel["url"], wheel["hash"])), kept)
    return kept


def _installed_uv() -> Path:
    found = shutil.which("uv")
    if found is None:
        raise StepFailed(
            f"There is no uv for {sys.platform} on {platform.machine()} in uv.lock. Install uv, then run it again."
        )
    return Path(found)


def _locked_uv(lock: Path) -> dict[str, Any]:
    packages = tomllib.loads(lock.read_text())["package"]
    return next(package for package in packages if package["name"] == "uv")


def _wheel_for_this_machine(wheels: list[dict[str, str]]) -> dict[str, str] | None:
    system = {"linux": "manylinux", "darwin": "macosx"}.get(sys.platform)
    if system is None or (system == "manylinux" and platform.libc_ver()[0] != "glibc"):
        return None
    names = {wheel["url"].rpartition("/")[2]: wheel for wheel in wheels}
    fitting = sorted(name for name in names if system in name and name.endswith(f"_{platform.machine()}.whl"))
    return names[fitting[0]] if fitting else None


def _download(url: str, expected: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - https, from our own lock
            data: bytes = answer.read()
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise StepFailed(
            f"{url} cannot be fetched: {error}. Is a proxy needed (HTTPS_PROXY), or a certificate (SSL_CERT_FILE)?"
        ) from error
    if f"sha256:{hashlib.sha256(data).hexdigest()}" != expected:
        raise StepFailed(f"{url} is not what uv.lock names: its hash differs. Something on the way changed it.")
    return data


def _binary(wheel: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        return archive.read(name)


def _keep(binary: bytes, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"uv.{os.getpid()}")
        fresh.write_bytes(binary)
        fresh.chmod(0o755)
        fresh.replace(target)
    except OSError as error:
        raise StepFailed(
            f"{target.parent} cannot be written: {error.strerror}. Name another folder in XDG_CACHE_HOME."
        ) from error
