"""The API with services that work, are away, or hang."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from api.app import create_app
from api.services import Services
from workers.adapters.evidence import FolderEvidence
from workers.adapters.memory_queue import MemoryQueue
from workers.adapters.memory_store import MemoryStore
from workers.errors import QueueUnavailable, StoreUnavailable
from workers.model import WorkerId
from workers.ports import Queue, Store
from workers.settings import load_settings

SETTINGS = load_settings({"store": "memory", "queue": "memory"})


async def hang(*_: object, **__: object) -> Any:
    await asyncio.Event().wait()


def away(error: Exception) -> Callable[..., Awaitable[Any]]:
    async def refuse(*_: object, **__: object) -> Any:
        raise error

    return refuse


class World:
    """The services of one test; replace a method to break it."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self.queue = MemoryQueue()
        self.evidence = FolderEvidence(folder, SETTINGS.public_url)
        self.open_store: Callable[[], Awaitable[Store]] = self._open

    async def _open(self) -> Store:
        return cast("Store", self.store)

    @asynccontextmanager
    async def client(self, *, raises: bool = True) -> AsyncIterator[httpx.AsyncClient]:
        services = Services(self.open_store, cast("Queue", self.queue), self.evidence)
        app = create_app(SETTINGS, services)
        transport = httpx.ASGITransport(app, raise_app_exceptions=raises)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            yield client


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_health_is_ok_when_all_parts_work(world: World) -> None:
    await world.store.worker_beat(WorkerId("w"), slots=4, busy=0, jobs=0)
    async with world.client() as client:
        answer = await client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "queue": "ok", "browsers": "ok"}


async def test_health_misses_the_browsers_when_no_worker_gave_a_sign_of_life(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/api/health")
    assert answer.status_code == 503
    assert answer.json()["browsers"] == "away"
    assert answer.json()["database"] == "ok"


async def test_health_names_what_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.open_store = away(StoreUnavailable())
    monkeypatch.setattr(world.queue, "depths", away(QueueUnavailable()))
    async with world.client() as client:
        answer = await client.get("/api/health")
    assert answer.status_code == 503
    assert answer.json() == {"status": "degraded", "database": "away", "queue": "away", "browsers": "away"}


async def test_health_answers_within_two_seconds_while_everything_hangs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_store = hang
    monkeypatch.setattr(world.queue, "depths", hang)
    async with world.client() as client:
        began = time.monotonic()
        answers = await asyncio.gather(*(client.get("/api/health") for _ in range(5)))
    assert time.monotonic() - began < 2
    assert {answer.status_code for answer in answers} == {503}


async def test_a_sign_of_life_that_is_too_old_does_not_count(world: World) -> None:
    await world.store.worker_beat(WorkerId("w"), slots=4, busy=0, jobs=0)
    assert await world.store.count_slots(within=timedelta(minutes=1)) == 4
    assert await world.store.count_slots(within=timedelta(0)) == 0


async def test_evidence_is_served_to_whoever_knows_its_id(world: World) -> None:
    evidence_id = await world.evidence.save(b"\x89PNG picture")
    async with world.client() as client:
        answer = await client.get(f"/evidence/{evidence_id}")
    assert answer.content == b"\x89PNG picture"
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_page_kept_as_evidence_is_shown_as_text(world: World) -> None:
    evidence_id = await world.evidence.save(b"<script>alert(1)</script>", suffix=".html")
    async with world.client() as client:
        answer = await client.get(f"/evidence/{evidence_id}")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "00000000-0000-4000-8000-000000000000.png",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/stack.json",
        "stack.json",
        "00000000-0000-4000-8000-000000000000.png%00",
    ],
)
async def test_any_other_evidence_is_not_found(world: World, path: str) -> None:
    async with world.client() as client:
        answer = await client.get(f"/evidence/{path}")
    assert answer.status_code == 404


async def test_every_answer_carries_the_security_headers(world: World) -> None:
    async with world.client() as client:
        for path in ("/api/live", "/evidence/nothing", "/nowhere"):
            headers = (await client.get(path)).headers
            assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert headers["x-frame-options"] == "DENY"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"


async def test_a_request_under_another_name_is_refused(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/api/live", headers={"Host": "rebound.example.com"})
    assert answer.status_code == 400


async def test_an_error_of_ours_shows_no_traceback(world: World) -> None:
    world.open_store = away(RuntimeError("secret detail"))
    async with world.client(raises=False) as client:
        answer = await client.get("/api/health")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["error"] == "internal"
    assert answer.headers["x-content-type-options"] == "nosniff"
