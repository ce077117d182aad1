"""The supervisor with small programs in place of the real parts."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest

from infra.local.network import PortKeeper, free_port
from infra.local.process import MARK, marked
from infra.local.program import Program
from infra.local.supervisor import Supervisor
from tests.waiting import until
from workers.errors import StackError

SERVE = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); print('serving', flush=True); time.sleep(60)"


class Toys:
    """Builds parts that are small Python programs; they serve once they touched their file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = uuid.uuid4().hex
        self.said: list[str] = []
        self.supervisor = Supervisor(self.said.append, lambda: None)

    def part(self, name: str, code: str = SERVE, *, is_restartable: bool = False, stop_within: float = 3) -> Program:
        touched = self.folder / f"{name}.serves"

        async def serves(_since: datetime) -> bool:
            return touched.exists()

        return Program(
            name=name,
            command=[sys.executable, "-c", code, str(touched)],
            environment={**os.environ, MARK: self.stack},
            log=self.folder / f"{name}.log",
            probe=serves,
            is_restartable=is_restartable,
            stop_within=timedelta(seconds=stop_within),
        )

    def alive(self) -> list[psutil.Process]:
        return [one for one in marked(**{MARK: self.stack}) if one.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
async def toys(tmp_path: Path) -> AsyncIterator[Toys]:
    toys = Toys(tmp_path)
    yield toys
    await toys.supervisor.stop()
    assert toys.alive() == []


async def test_a_part_that_dies_at_its_start_is_named_with_the_tail_of_its_log(toys: Toys) -> None:
    broken = toys.part("broken", "print('no room left'); raise SystemExit(3)")
    with pytest.raises(StackError, match=r"(?s)broken ended with exit code 3.*\| no room left"):
        await toys.supervisor.start(broken)


async def test_the_death_of_a_part_that_others_need_fails_the_stack(toys: Toys) -> None:
    database = toys.part("database")
    await toys.supervisor.start(database)
    assert database.pid is not None
    os.kill(database.pid, signal.SIGKILL)
    with pytest.raises(StackError, match=r"(?s)database was killed by signal 9.*\| serving"):
        async with asyncio.timeout(5):
            await toys.supervisor.failure()


async def test_a_worker_that_is_killed_is_started_again(toys: Toys) -> None:
    worker = toys.part("worker", is_restartable=True)
    await toys.supervisor.start(worker)
    first = worker.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: worker.pid not in (None, first))
    assert "worker was killed by signal 9" in toys.said[1]


async def test_what_a_killed_worker_left_behind_is_gone_before_it_starts_again(toys: Toys) -> None:
    child = "import subprocess, sys; subprocess.Popen(['sleep', '60'], start_new_session=True); " + SERVE
    worker = toys.part("worker", child, is_restartable=True)
    await toys.supervisor.start(worker)
    first = worker.pid
    assert first is not None
    orphans = {one.pid for one in toys.alive()} - {first}
    assert len(orphans) == 1
    os.kill(first, signal.SIGKILL)
    await until(lambda: worker.pid not in (None, first))
    assert not orphans & {one.pid for one in toys.alive()}


async def test_a_part_that_ignores_sigterm_is_killed_within_its_bound(toys: Toys) -> None:
    deaf = toys.part("deaf", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SERVE, stop_within=0.5)
    await toys.supervisor.start(deaf)
    began = time.monotonic()
    await toys.supervisor.stop()
    assert toys.alive() == []
    assert time.monotonic() - began < 5


SUPERVISED = """
import asyncio, pathlib, sys
from tests.faults.test_supervisor import Toys

async def main():
    toys = Toys(pathlib.Path(sys.argv[1]))
    toys.stack = sys.argv[2]
    await toys.supervisor.start(toys.part("one"))
    await toys.supervisor.start(toys.part("two"))
    print("ready", flush=True)
    await toys.supervisor.failure()

asyncio.run(main())
"""


async def test_kill_9_of_the_supervisor_leaves_no_process(toys: Toys, tmp_path: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUPERVISED, str(tmp_path), toys.stack, stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    assert await supervisor.stdout.readline() == b"ready\n"
    assert len(toys.alive()) == 2
    supervisor.kill()
    await supervisor.wait()
    await until(lambda: not toys.alive())


async def test_a_part_is_not_ready_while_somebody_else_answers_at_its_port(toys: Toys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        part = toys.part("latecomer")
        part.port = somebody.getsockname()[1]
        part.ready_within = timedelta(seconds=1)
        with pytest.raises(StackError, match="latecomer was not ready"):
            await toys.supervisor.start(part)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names to keep a port with")
def test_two_stacks_that_start_together_get_different_ports() -> None:
    preferred = free_port()
    one, other = PortKeeper(), PortKeeper()
    try:
        assert one.take(preferred) == preferred
        assert other.take(preferred) != preferred
        one.release()
        assert other.take(preferred) == preferred
    finally:
        one.release()
        other.release()
