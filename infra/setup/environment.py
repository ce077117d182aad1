"""Builds `.venv` from the lock with uv; `venv`, `ensurepip` and pip are not needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from infra.setup.step import run, say
from infra.setup.uv import find_uv

PROJECT = Path(__file__).resolve().parents[2]
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"
_STAMP = VENV / "set-up"


def build_environment() -> None:
    """Make `.venv` what the lock says, unless it is. Raises `StepFailed`."""
    if _is_current():
        return
    if _was_moved():
        say("the project was moved: building .venv anew, because its scripts name the old place")
        shutil.rmtree(VENV)
    uv = find_uv(PROJECT / "uv.lock")
    say("installing what uv.lock names into .venv (about 250 MB the first time)")
    run(
        [uv, "sync", "--locked", "--extra", "local", "--python", sys.executable],
        "Is the package index reachable (see HTTPS_PROXY, UV_DEFAULT_INDEX, SSL_CERT_FILE)? Then run it again.",
        _environment(),
    )
    _write_stamp()


def _environment() -> dict[str, str]:
    """Ours, with the system's certificates trusted, and without another environment that happens to be active."""
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return {
        **inherited,
        "UV_SYSTEM_CERTS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PROJECT": str(PROJECT),
        "UV_PROJECT_ENVIRONMENT": str(VENV),
    }


def _is_current() -> bool:
    return PYTHON.exists() and _read_stamp() == _expected_stamp()


def _was_moved() -> bool:
    stamp = _read_stamp()
    return bool(stamp) and stamp.partition("\n")[0] != str(PROJECT)


def _expected_stamp() -> str:
    digest = hashlib.sha256()
    for name in ("uv.lock", "pyproject.toml"):
        digest.update((PROJECT / name).read_bytes())
    return f"{PROJECT}\n{digest.hexdigest()}\n"


def _read_stamp() -> str:
    try:
        return _STAMP.read_text()
    except OSError:
        return ""


def _write_stamp() -> None:
    fresh = _STAMP.with_suffix(".new")
    fresh.write_text(_expected_stamp())
    fresh.replace(_STAMP)
