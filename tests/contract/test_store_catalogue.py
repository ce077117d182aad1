"""Contract of `ports.Catalogue` and `ports.WorkerRegistry`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.contract.store_world import ALPHA, BETA, GAMMA, NEW, PAUSED, World, directory
from workers.model import Directory, DirectoryId, DirectoryStatus, WorkerId


async def test_an_import_counts_what_is_new_and_what_changed(world: World) -> None:
    same, changed = directory("alpha", 90), replace(directory("beta", 80), name="Beta & Sons")
    assert await world.store.import_directories([same, changed, directory("delta")]) == (1, 1)
    assert await world.store.import_directories([same, changed, directory("delta")]) == (0, 0)
    assert await world.store.import_directories([]) == (0, 0)


async def test_an_import_leaves_a_status_that_is_set(world: World) -> None:
    await world.store.import_directories([replace(directory("paused", 1), name="Other")])
    one = await world.store.read_directory(PAUSED)
    assert one
    assert (one.status, one.name, one.domain_authority) == (DirectoryStatus.PAUSED, "Other", 1)


async def test_of_two_rows_with_one_id_the_last_counts(world: World) -> None:
    assert await world.store.import_directories([directory("delta", 1), directory("delta", 2)]) == (1, 0)
    one = await world.store.read_directory(DirectoryId("delta"))
    assert one
    assert one.domain_authority == 2


async def test_a_directory_comes_back_as_it_went_in(world: World) -> None:
    full = Directory(
        DirectoryId("full"),
        "Füll “it”",
        "https://full.example.com",
        "https://full.example.com/add?x=1&y='",
        DirectoryStatus.ACTIVE,
        "local",
        42,
        "email",
        "B",
        timedelta(seconds=2.5),
        allows_automation=False,
    )
    await world.store.import_directories([full])
    assert await world.store.read_directory(full.id) == full
    assert await world.store.read_directory(DirectoryId("nowhere")) is None


async def test_directories_are_listed_best_first(world: World) -> None:
    assert [one.id for one in await world.store.list_directories()] == [PAUSED, NEW, ALPHA, BETA, GAMMA]
    active = await world.store.list_directories(DirectoryStatus.ACTIVE)
    assert [one.id for one in active] == [ALPHA, BETA, GAMMA]
    assert list(await world.store.list_directories(DirectoryStatus.RETIRED)) == []


async def test_a_status_is_set_or_the_directory_is_missing(world: World) -> None:
    assert await world.store.set_status(NEW, DirectoryStatus.ACTIVE)
    assert await world.store.set_status(DirectoryId("nowhere"), DirectoryStatus.ACTIVE) is False
    assert NEW in [one.id for one in await world.store.list_directories(DirectoryStatus.ACTIVE)]


async def test_slots_of_living_workers_are_counted(world: World) -> None:
    await world.store.worker_beat(WorkerId("a"), slots=4, busy=1, jobs=1)
    await world.pass_time(timedelta(seconds=50))
    await world.store.worker_beat(WorkerId("b"), slots=2, busy=0, jobs=0)
    assert await world.store.count_slots(within=timedelta(seconds=60)) == 6
    await world.pass_time(timedelta(seconds=20))
    assert await world.store.count_slots(within=timedelta(seconds=60)) == 2
    await world.store.worker_beat(WorkerId("a"), slots=4, busy=0, jobs=0)
    assert await world.store.count_slots(within=timedelta(seconds=60)) == 6


async def test_what_happened_to_a_message_is_noted_whatever_it_held(world: World) -> None:
    enqueued = await world.order(ALPHA)
    note = world.store.note_message
    await note(queue="p1", message_id="m-1", event="message.dispatched", job_id=enqueued.job_id, detail="")
    await note(queue="p1", message_id="m-2", event="message.dead_lettered", job_id="not a job", detail="a\0b\ud800")
    await note(queue="p1", message_id="m-3", event="message.dead_lettered", job_id=None, detail="not JSON")
    assert await world.events(enqueued.job_id) == ["job.enqueued", "message.dispatched"]


async def test_the_store_answers(world: World) -> None:
    await world.store.ping()
