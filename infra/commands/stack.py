"""`fleet up`, `down`, `status`, `env` and `demo`: the embedded stack."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from workers.errors import StackError

if TYPE_CHECKING:
    from infra.local.demo import DemoResult
    from infra.local.home import Home, StackState

T = TypeVar("T")

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", envvar="FLEET_HOME", help="Folder of the stack [default: .fleet in the project]."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (up, down, status, env, demo):
        app.command()(command)


def up(
    home: HomeOption = None,
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when it is ready; stop with `down`.")] = False,
) -> None:
    """Start the embedded stack and keep it running until Ctrl+C."""
    from infra.local.control import start_detached
    from infra.local.stack import Interrupted

    place = _home(home)
    if running := place.running():
        _say("The stack runs already.")
        return _print_addresses(running)
    if detach:
        return _print_addresses(start_detached(place))
    try:
        asyncio.run(_in_stack(place, _stay))
    except Interrupted:
        _say("Stopped.")
    return None


def down(home: HomeOption = None) -> None:
    """Stop the embedded stack that runs in the background or in another terminal."""
    from infra.local.control import stop

    place = _home(home)
    if running := place.running():
        stop(place, running)
        return _say("Stopped.")
    return _say("No stack runs.")


def status(home: HomeOption = None) -> None:
    """Say what runs, and where. Exit code 1 when nothing does."""
    running = _home(home).running()
    if running is None:
        _say("No stack runs. Start one with `fleet up`.")
        raise typer.Exit(1)
    _say(f"The stack {'is ready' if running.is_ready else 'is starting or stopping'} (process {running.pid}).")
    for name, pid in running.parts.items():
        _say(f"  {name:<20}{f'process {pid}' if pid else 'does not run'}")
    _print_addresses(running)


def env(home: HomeOption = None) -> None:
    """Print the variables that lead other commands to the running stack: `eval "$(fleet env)"`."""
    running = _home(home).running()
    if running is None:
        raise StackError("No stack runs. Start one with `fleet up`.")
    for name, value in running.environment.items():
        _say(f"export {name}={shlex.quote(value)}")


def demo(
    home: HomeOption = None,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running afterwards.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Seconds that the job may take.")] = 150,
) -> None:
    """Send one job to every sample directory, and compare what comes of it with what was designed.

    Exit code 0 only when every outcome is as designed and no site took more than one submission.
    """
    from infra.local.control import start_detached

    place = _home(home)
    running = place.running()
    if running is None and keep:
        _say("Starting the stack …")
        running = start_detached(place)

    async def show(state: StackState) -> DemoResult:
        return await _demo(state, timedelta(seconds=limit))

    result = asyncio.run(show(running) if running else _in_stack(place, show))
    if keep and running:
        _print_addresses(running)
    if result.faults:
        raise StackError("\n".join(["Not as designed:", *(f"  - {fault}" for fault in result.faults)]))
    _say("Every outcome is as designed, and no site took more than one submission.")


async def _demo(state: StackState, limit: timedelta) -> DemoResult:
    from rich.console import Console

    from infra.local.demo import run_demo
    from infra.local.demo_view import print_result, progress
    from infra.local.environment import stack_settings
    from workers.adapters.evidence import FolderEvidence
    from workers.adapters.postgres import open_postgres_store
    from workers.adapters.sqs import SqsQueue

    # A pipe has no width: nothing of the table shall be folded there.
    console = Console(width=None if sys.stdout.isatty() else 200)
    settings = stack_settings(state.environment)
    store, queue = await open_postgres_store(settings), SqsQueue(settings)
    try:
        with progress(console) as show:
            result = await run_demo(store, queue, state, show, limit)
    finally:
        await store.close()
        await queue.close()
    print_result(console, result, FolderEvidence(settings.evidence_dir, settings.public_url))
    return result


async def _in_stack(place: Home, work: Callable[[StackState], Coroutine[Any, Any, T]]) -> T:
    from infra.local.stack import Stack
    from workers.log import configure_logging

    configure_logging("WARNING")
    return await Stack(place, lambda text: print(text, file=sys.stderr, flush=True)).run(work)


async def _stay(state: StackState) -> None:
    _print_addresses(state)
    await asyncio.Event().wait()


def _home(folder: Path | None) -> Home:
    from infra.local.home import Home

    return Home.find(folder)


def _print_addresses(state: StackState) -> None:
    for name, address in state.addresses.items():
        _say(f"  {name:<20}{address}")
    _say('Other commands find it after: eval "$(fleet env)". Stop it with `fleet down` or Ctrl+C.')


def _say(text: str) -> None:
    print(text, flush=True)
