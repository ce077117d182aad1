"""Starting, asking and stopping the embedded stack."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from infra.local.control import erase
from infra.local.home import Home
from tests.fixtures.stack import RunningStack, order, processes_of
from tests.waiting import until
from workers.adapters.sqs import SqsQueue
from workers.model import JobState
from workers.orders import place_order


def test_a_second_up_says_what_runs_already(stack: RunningStack) -> None:
    before = stack.state
    second = stack.cli("up")
    assert second.returncode == 0
    assert "runs already" in second.stdout
    assert all(address in second.stdout for address in before.addresses.values())
    assert stack.state == before


def test_status_names_every_part_with_its_process(stack: RunningStack) -> None:
    status = stack.cli("status")
    assert status.returncode == 0
    for name, pid in stack.state.parts.items():
        assert f"{name:<20}process {pid}" in status.stdout


def test_down_and_status_say_that_nothing_runs(tmp_path: Path, stack: RunningStack) -> None:
    elsewhere = RunningStack(Home.find(tmp_path))
    assert elsewhere.cli("status").returncode == 1
    down = elsewhere.cli("down")
    assert (down.returncode, down.stdout) == (0, "No stack runs.\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
async def test_a_signal_during_the_start_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    home = Home.find(tmp_path)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.cli", "up", "--home", str(home.folder)), start_new_session=True
    )
    await until(lambda: bool((state := home.last()) and state.parts.get("sites")), seconds=60)
    state = home.last()
    assert state
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert processes_of(state.stack) == []
    assert home.last() is None
    await asyncio.to_thread(erase, home)


async def test_an_order_is_accepted_while_sqs_is_down_and_worked_off_later(stack: RunningStack) -> None:
    await stack.reset_sites()
    async with stack.fleet() as fleet:
        gone = SqsQueue(fleet.settings.model_copy(update={"sqs_endpoint": "http://127.0.0.1:9"}))
        enqueued = await place_order(fleet.store, gone, order("plain"))
        job = await stack.until_ended(fleet, enqueued.job_id, seconds=100)
    assert job.state is JobState.COMPLETED
    assert await stack.accepted() == {"plain": 1}
