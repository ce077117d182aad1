"""The demonstration: a job to every sample directory, over the whole embedded stack."""

from __future__ import annotations

import re
from subprocess import CompletedProcess

import httpx
import pytest

from infra.local.sites.catalogue import EXPECTED
from tests.fixtures.stack import RunningStack


@pytest.fixture(scope="module")
def done(stack: RunningStack) -> CompletedProcess[str]:
    """How `fleet demo` ended; it ran once for all tests of this file."""
    return stack.cli("demo")


@pytest.fixture(scope="module")
def demo(done: CompletedProcess[str]) -> str:
    """What `fleet demo` printed."""
    return done.stdout


def test_the_demonstration_succeeds(done: CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("directory", EXPECTED)
def test_every_sample_directory_ends_as_designed(demo: str, directory: str) -> None:
    (row,) = re.findall(rf"^.*{directory} .*$", demo.partition("┏")[2], re.MULTILINE)
    assert EXPECTED[directory].state in row  # type: ignore[index]  # the ids came from there
    assert "│ yes" in row


async def test_no_site_took_more_than_one_submission(stack: RunningStack, demo: str) -> None:
    accepted = await stack.accepted()
    assert set(accepted.values()) == {1}
    assert sum(accepted.values()) >= 10


async def test_the_evidence_that_it_links_can_be_seen(stack: RunningStack, demo: str) -> None:
    links = re.findall(r"http://\S+/evidence/\S+\.jpg", demo)
    assert len(links) >= 10
    async with httpx.AsyncClient(trust_env=False) as client:
        for link in links:
            answer = await client.get(link)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.content.startswith(b"\xff\xd8")


async def test_the_run_that_it_links_is_in_prefect(stack: RunningStack, demo: str) -> None:
    (run,) = re.findall(r"/runs/flow-run/([0-9a-f-]{36})", demo)[:1]
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{stack.prefect}/api/flow_runs/{run}")
    assert answer.json()["state_type"] in ("COMPLETED", "FAILED")


async def test_the_stack_is_healthy(stack: RunningStack) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{stack.api}/api/health")
    assert answer.json() == {"status": "ok", "database": "ok", "queue": "ok", "browsers": "ok"}
