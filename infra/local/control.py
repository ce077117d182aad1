"""Starts and stops an embedded stack from another process."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from infra.local.home import Home, StackState
from infra.local.postgres import LocalPostgres
from infra.local.process import tail
from workers.errors import StackError

READY_WITHIN = timedelta(minutes=3)  # the first start creates two databases, maybe on a cold disk
STOPPED_WITHIN = timedelta(minutes=1)

_LOOK_EVERY = 0.1  # s


def start_detached(home: Home, environment: Mapping[str, str] | None = None) -> StackState:
    """Run `fleet up` in the background and wait until it is ready. Raises `StackError` with the tail of its log."""
    log = home.folder / "supervisor.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 (this very program)
            [sys.executable, "-m", "infra.cli", "up", "--home", str(home.folder)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def is_decided() -> bool:
        state = home.last()
        return process.poll() is not None or (state is not None and state.pid == process.pid and state.is_ready)

    if _until(is_decided, READY_WITHIN) and process.poll() is None and (state := home.last()):
        return state
    if process.poll() is None:
        process.terminate()
        process.wait()
    raise StackError(f"The stack did not become ready. {tail(log, lines=30)}")


def stop(home: Home, state: StackState) -> None:
    """Ask the stack to stop and wait until it did. Raises `StackError` when it does not."""
    os.kill(state.pid, signal.SIGTERM)
    if not _until(lambda: not home.is_held(), STOPPED_WITHIN):
        raise StackError(f"The stack (process {state.pid}) did not stop within {STOPPED_WITHIN.seconds} s.")


def erase(home: Home) -> None:
    """Delete everything of a stack that does not run, also what root's Postgres keeps elsewhere."""
    with home.hold():
        asyncio.run(LocalPostgres(home.folder / "postgres").remove())
        shutil.rmtree(home.folder)


def _until(condition: Callable[[], bool], limit: timedelta) -> bool:
    deadline = time.monotonic() + limit.total_seconds()
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY)
    return True
