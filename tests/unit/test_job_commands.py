"""`fleet enqueue` and `fleet jobs …` on the twins, as typed on a command line."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from infra.cli import main
from tests.unit.test_profile import MINIMAL
from workers.adapters.evidence import FolderEvidence
from workers.adapters.memory_queue import MemoryQueue
from workers.adapters.memory_store import MemoryStore
from workers.errors import QueueUnavailable
from workers.fleet import Fleet
from workers.model import Directory, DirectoryId, DirectoryStatus, Hint, Lease, WorkerId
from workers.outcome import Evidence, NeedsHuman, Reason
from workers.ports import Submitter
from workers.settings import Settings


@dataclass
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Bench:
    """A command line over twins that last for the test."""

    store: MemoryStore
    queue: MemoryQueue
    profile: Path
    run: Callable[..., Answer]

    def enqueue(self, *arguments: str) -> Answer:
        return self.run("enqueue", "--profile", str(self.profile), *arguments)

    def jobs(self) -> int:
        return len(asyncio.run(self.store.list_jobs(100)))

    def write(self, profile: object) -> None:
        self.profile.write_text(profile if isinstance(profile, str) else json.dumps(profile))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Bench:
    store, queue = MemoryStore(), MemoryQueue()
    directories = [
        Directory(DirectoryId(slug), slug.title(), f"{slug}.example", f"https://{slug}.example/add", status)
        for slug, status in [
            ("alpha", DirectoryStatus.ACTIVE),
            ("beta", DirectoryStatus.ACTIVE),
            ("paused", DirectoryStatus.PAUSED),
        ]
    ]
    asyncio.run(store.import_directories(directories))

    @asynccontextmanager
    async def open_fleet(settings: Settings) -> AsyncIterator[Fleet]:
        evidence = FolderEvidence(tmp_path, "https://fleet.example")
        nobody = cast("Submitter", None)  # these commands submit nothing
        yield Fleet(settings, store, queue, nobody, evidence, WorkerId("cli"), asyncio.Semaphore(1))

    bootstrap = ModuleType("workers.bootstrap")
    bootstrap.open_fleet = open_fleet  # type: ignore[attr-defined]  # stands for the real one, which opens databases
    monkeypatch.setitem(sys.modules, "workers.bootstrap", bootstrap)
    monkeypatch.setenv("FLEET_STORE", "memory")

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["fleet", *arguments])
        with capture_logs(), pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        return Answer(int(caught.value.code or 0), printed.out, printed.err)

    bench = Bench(store, queue, tmp_path / "profile.json", run)
    bench.write(MINIMAL)
    return bench


def test_an_order_is_accepted_and_its_hint_is_sent(bench: Bench) -> None:
    answer = bench.enqueue("--directories", "alpha, beta,alpha", "--priority", "2", "--json")
    assert answer.code == 0
    facts = answer.json
    assert (facts["is_new"], facts["directories"], facts["priority"]) == (True, 2, 2)
    assert facts["customer"] == "harbour-bakery.example"
    (message,) = asyncio.run(bench.queue.receive("p2", limit=10, wait=timedelta(0)))
    assert json.loads(message.body)["job_id"] == facts["job_id"]


def test_a_person_reads_what_happened_and_how_to_follow_it(bench: Bench) -> None:
    answer = bench.enqueue("--directories", "alpha")
    assert "accepted: 1 directory, priority 3" in answer.out
    assert "fleet jobs show " in answer.out


def test_a_package_takes_the_active_directories_and_its_own_priority(bench: Bench) -> None:
    facts = bench.enqueue("--package", "enterprise", "--json").json
    assert (facts["directories"], facts["priority"]) == (2, 1)


def test_the_same_key_with_the_same_order_brings_the_same_job_back(bench: Bench) -> None:
    first = bench.enqueue("--directories", "alpha", "--idempotency-key", "basket-7", "--json").json
    again = bench.enqueue("--directories", "alpha", "--idempotency-key", "basket-7", "--json").json
    assert again == {**first, "is_new": False}
    other = bench.enqueue("--directories", "beta", "--idempotency-key", "basket-7")
    assert other.code == 1
    assert "basket-7" in other.err
    assert bench.jobs() == 1


def test_a_bad_profile_is_refused_with_every_fault_and_nothing_is_stored(bench: Bench) -> None:
    bench.write({**MINIMAL, "email": "secret", "phone": "secret", "wesite": "secret"})
    answer = bench.enqueue("--directories", "alpha")
    assert answer.code == 1
    assert all(part in answer.err for part in ("`email`", "`phone`", "the nearest is `website`"))
    assert "secret" not in answer.err
    assert "Traceback" not in answer.err
    assert bench.jobs() == 0


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ('{"email": "a", "email": "b"}', "given twice: 'email'"),
        ("[]", "is a list"),
        ("[" * 100_000, "profile"),
        (" " * 1_000_001, "more than 1,000,000 bytes"),
    ],
)
def test_a_file_that_holds_no_profile_is_refused(bench: Bench, text: str, part: str) -> None:
    bench.write(text)
    answer = bench.enqueue("--directories", "alpha")
    assert answer.code == 1
    assert part in answer.err
    assert "Traceback" not in answer.err


def test_a_file_that_is_missing_a_folder_or_no_text_is_refused(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe{}")
    for name, part in (("nowhere.json", "No such file"), (".", "directory"), ("binary.json", "not UTF-8")):
        answer = bench.run("enqueue", "--profile", str(tmp_path / name), "--directories", "alpha")
        assert answer.code == 1
        assert part in answer.err


def test_a_byte_order_mark_before_a_profile_does_no_harm(bench: Bench) -> None:
    bench.profile.write_bytes(b"\xef\xbb\xbf" + json.dumps(MINIMAL).encode())
    assert bench.enqueue("--directories", "alpha").code == 0


def test_a_picture_is_found_beside_the_profile_and_must_exist(bench: Bench, tmp_path: Path) -> None:
    bench.write({**MINIMAL, "logo": "logo.png"})
    refused = bench.enqueue("--directories", "alpha")
    assert refused.code == 1
    assert "`logo` names a file that does not exist" in refused.err
    (tmp_path / "logo.png").write_bytes(b"picture")
    facts = bench.enqueue("--directories", "alpha", "--json").json
    job = asyncio.run(bench.store.read(facts["job_id"]))
    assert job is not None
    assert job.profile.logo == str((tmp_path / "logo.png").resolve())


def test_directories_that_cannot_be_had_are_all_named(bench: Bench) -> None:
    answer = bench.enqueue("--directories", "alpha,nowhere,paused")
    assert answer.code == 1
    assert "nowhere" in answer.err
    assert "paused" in answer.err
    assert bench.jobs() == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--directories", ""],
        ["--directories", " , "],
        ["--directories", "alpha", "--package", "growth"],
        ["--package", "custom"],
        ["--package", "gigantic"],
        ["--directories", "alpha", "--priority", "0"],
        ["--directories", "alpha", "--priority", "5"],
        ["--directories", "alpha", "--idempotency-key", ""],
        ["--directories", "alpha", "--customer", "two\nlines"],
        ["--directories", "alpha", "--customer", "x" * 201],
        ["--unknown"],
    ],
)
def test_an_order_that_is_not_clear_is_a_usage_error(bench: Bench, arguments: list[str]) -> None:
    assert bench.enqueue(*arguments).code == 2
    assert bench.jobs() == 0


def test_an_order_is_accepted_while_the_queue_is_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(hint: Hint, *, delay: timedelta = timedelta(0)) -> None:
        raise QueueUnavailable

    monkeypatch.setattr(bench.queue, "send", refuse)
    assert bench.enqueue("--directories", "alpha").code == 0
    assert len(asyncio.run(bench.store.due_hints(rehint_after=timedelta(minutes=1)))) == 1


def test_jobs_are_listed_newest_first(bench: Bench) -> None:
    assert "No jobs" in bench.run("jobs", "list").out
    first = bench.enqueue("--directories", "alpha", "--customer", "[bold]shop[/bold]", "--json").json["job_id"]
    second = bench.enqueue("--directories", "alpha,beta", "--json").json["job_id"]
    listed = bench.run("jobs", "list", "--json").json
    assert [job["job_id"] for job in listed] == [second, first]
    assert listed[0]["submissions"] == {"planned": 2}
    table = bench.run("jobs", "list").out
    assert f"DIR-{first[:8]}" in table
    assert "[bold]shop[/bold]" in table
    assert len(bench.run("jobs", "list", "--limit", "1", "--json").json) == 1


async def _work(store: MemoryStore, job_id: Any) -> Lease:
    claim = await store.claim(job_id, WorkerId("worker-1"), lease=timedelta(minutes=3))
    assert claim.lease
    await store.begin_attempt(claim.lease, DirectoryId("alpha"))
    outcome = NeedsHuman(Reason.CAPTCHA, evidence=Evidence(screenshot="picture.png"))
    assert await store.record(claim.lease, DirectoryId("alpha"), outcome, seconds=1.25)
    return claim.lease


def test_a_job_is_shown_with_the_outcome_of_every_submission_and_without_its_profile(bench: Bench) -> None:
    job_id = bench.enqueue("--directories", "alpha,beta", "--json").json["job_id"]
    asyncio.run(_work(bench.store, job_id))
    facts = bench.run("jobs", "show", job_id, "--json").json
    assert facts["state"] == "in_progress"
    alpha, beta = facts["submissions"]
    assert (alpha["directory"], alpha["state"], alpha["reason"]) == ("alpha", "needs_human", "captcha")
    assert alpha["why"] == "The directory asks for a captcha; a person has to solve it."
    assert alpha["evidence"] == "https://fleet.example/evidence/picture.png"
    assert (beta["state"], beta["evidence"]) == ("planned", None)
    text = bench.run("jobs", "show", f"DIR-{job_id[:8]}").out
    assert "needs_human" in text
    assert MINIMAL["email"] not in text + json.dumps(facts)


@pytest.mark.parametrize("name", ["00000000-0000-4000-8000-000000000000", "DIR-00000000", "no job", ""])
@pytest.mark.parametrize("command", ["show", "cancel"])
def test_a_job_that_there_is_not_is_an_error(bench: Bench, command: str, name: str) -> None:
    bench.enqueue("--directories", "alpha")
    answer = bench.run("jobs", command, name)
    assert answer.code == 1
    assert "fleet: No job" in answer.err


def test_a_label_that_several_jobs_share_is_not_guessed(bench: Bench) -> None:
    for _ in range(40):  # of 17 ids, two begin with the same digit
        bench.enqueue("--directories", "alpha")
    jobs = [job.id for job in asyncio.run(bench.store.list_jobs(100))]
    digit = next(digit for digit in "0123456789abcdef" if sum(job.startswith(digit) for job in jobs) > 1)
    answer = bench.run("jobs", "show", digit)
    assert answer.code == 1
    assert "jobs have this label" in answer.err


def test_a_waiting_job_is_cancelled_one_in_progress_soon_and_one_that_ended_not(bench: Bench) -> None:
    waiting = bench.enqueue("--directories", "alpha", "--json").json["job_id"]
    assert "is cancelled" in bench.run("jobs", "cancel", waiting).out
    assert "is cancelled" in bench.run("jobs", "cancel", waiting).out
    busy = bench.enqueue("--directories", "alpha,beta", "--json").json["job_id"]
    asyncio.run(_work(bench.store, busy))
    assert "before its next directory" in bench.run("jobs", "cancel", busy).out
    ended = bench.enqueue("--directories", "alpha", "--json").json["job_id"]
    asyncio.run(bench.store.settle(asyncio.run(_work(bench.store, ended))))
    answer = bench.run("jobs", "cancel", ended)
    assert answer.code == 1
    assert "has ended already: completed" in answer.err
