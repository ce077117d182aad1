"""The embedded stack: everything that Fleet needs, on this machine, from the packages that came with it.

Postgres ─┬─ schema, catalogue ── API
          └─ Prefect server ──── deployments ─┬─ worker that consumes and watches
SQS ──────────────────────────────────────────┤
sample directories ───────────────────────────┴─ worker with browsers
"""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from infra.local.blueprint import Blueprint
from infra.local.environment import Addresses, build_environment, fleet_variables, stack_settings
from infra.local.home import PROJECT, Home, StackState
from infra.local.network import PortKeeper
from infra.local.part import ServerPart
from infra.local.postgres import LocalPostgres
from infra.local.prefect_server import end_lost_runs
from infra.local.process import MARK, kill_marked, spawn, tail
from infra.local.seed import prepare
from infra.local.sqs import LocalSqs
from infra.local.supervisor import Supervisor
from workers.errors import StackError

T = TypeVar("T")

FLEET_DATABASE = "fleet"
PREFECT_DATABASE = "prefect"


class Interrupted(StackError):
    """A signal asked the stack to stop."""


class Stack:
    """One embedded stack in one home. `say` tells a person what happens."""

    def __init__(self, home: Home, say: Callable[[str], None]) -> None:
        self.home = home
        self.addresses: Addresses | None = None
        self._say = say
        self._id = uuid.uuid4().hex
        self._is_ready = False
        self._supervisor = Supervisor(say, self._note)
        self._postgres = LocalPostgres(home.folder / "postgres")
        self._environment: dict[str, str] = {}
        self._ports = PortKeeper()

    async def run(self, work: Callable[[StackState], Coroutine[Any, Any, T]]) -> T:
        """Start everything, do `work`, and stop everything whatever happens.

        Raises `StackError` when a part fails, `Interrupted` when a signal came before the work was done.
        """
        with self.home.hold():
            self._tidy_up_after_a_crash()
            main = asyncio.create_task(self._start_and(work))
            failure = asyncio.create_task(self._supervisor.failure())
            with self._signals(main):
                try:
                    await asyncio.wait({main, failure}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    failure.cancel()
                    main.cancel()
                    await asyncio.wait({main, failure})
                    await self._stop()
        if not failure.cancelled():
            failure.result()
        if main.cancelled():
            raise Interrupted("The stack was asked to stop.")
        return main.result()

    async def _start_and(self, work: Callable[[StackState], Coroutine[Any, Any, T]]) -> T:
        await self._start()
        self._is_ready = True
        self._note()
        return await work(self._state())

    async def _start(self) -> None:
        sqs = LocalSqs(log=self.home.log("sqs"))
        await together(
            self._supervisor.start(ServerPart("postgres", self._postgres, self._postgres.home.log)),
            self._supervisor.start(ServerPart("sqs", sqs, self.home.log("sqs"))),
        )
        await together(self._postgres.create_database(FLEET_DATABASE), self._postgres.create_database(PREFECT_DATABASE))
        addresses = self.addresses = self._find_addresses(sqs.endpoint)
        self._environment = build_environment(addresses, self.home.folder, self._id)
        blueprint = Blueprint(addresses, self._environment, self.home)
        # Those that need another part wait for it themselves, and load their modules meanwhile.
        await together(
            self._serve_prefect(blueprint),
            self._run_once("bootstrap", blueprint.bootstrap()),
            self._serve_api(blueprint),
            *(self._supervisor.start(part) for part in (blueprint.sites(), *blueprint.workers())),
        )

    def _find_addresses(self, sqs: str) -> Addresses:
        return Addresses(
            database=self._postgres.url(FLEET_DATABASE),
            prefect_database=self._postgres.url(PREFECT_DATABASE),
            sqs=sqs,
            prefect=f"http://127.0.0.1:{self._ports.take(4200)}",
            api=f"http://127.0.0.1:{self._ports.take(8080)}",
            sites=f"http://127.0.0.1:{self._ports.take(8800)}",
        )

    async def _serve_prefect(self, blueprint: Blueprint) -> None:
        began = datetime.now(UTC)
        await self._supervisor.start(blueprint.prefect_server())
        if lost := await end_lost_runs(blueprint.addresses.prefect, began):
            self._say(f"{lost} runs of a stack that did not stop in order were ended.")

    async def _serve_api(self, blueprint: Blueprint) -> None:
        await prepare(blueprint.addresses, stack_settings(self._environment))
        await self._supervisor.start(blueprint.api())

    async def _run_once(self, name: str, command: Sequence[str]) -> None:
        log = self.home.log(name)
        process = await spawn(command, self._environment, log, PROJECT)
        if code := await process.wait():
            raise StackError(f"{name} ended with exit code {code}. {tail(log)}")

    def _tidy_up_after_a_crash(self) -> None:
        last = self.home.last()
        if last is not None:
            left = kill_marked(**{MARK: last.stack})
            self._say(f"The last stack (process {last.pid}) did not stop in order; {left} of its processes were ended.")
        for log in (self.home.folder / "logs").glob("*.log"):
            log.unlink()

    async def _stop(self) -> None:
        self._is_ready = False
        await self._supervisor.stop()
        await asyncio.to_thread(kill_marked, **{MARK: self._id})
        self._ports.release()
        self.home.forget()

    def _note(self) -> None:
        self.home.write(self._state())

    def _state(self) -> StackState:
        return StackState(
            stack=self._id,
            pid=os.getpid(),
            is_ready=self._is_ready,
            addresses=self.addresses.for_people() if self.addresses else {},
            environment=fleet_variables(self.addresses, self.home.folder) if self.addresses else {},
            parts={part.name: part.pid for part in self._supervisor.parts},
        )

    @contextmanager
    def _signals(self, main: asyncio.Task[Any]) -> Iterator[None]:
        """Let the first signal end the work in order, and a second one kill every part at once."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        seen = 0

        def stop(name: str) -> None:
            nonlocal seen
            seen += 1
            if seen > 1:
                self._supervisor.kill()
                return
            self._say(f"{name}: stopping. Once more kills everything at once.")
            main.cancel()

        for number in numbers:
            loop.add_signal_handler(number, stop, number.name)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


async def together(*steps: Awaitable[None]) -> None:
    """Do several steps at once; the first error ends the others and is raised as it is."""
    tasks = [asyncio.ensure_future(step) for step in steps]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
