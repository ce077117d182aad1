"""`fleet enqueue` and `fleet jobs …`: orders, and what became of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from infra.commands.job_view import job_facts, label, print_table, submission_row, summary_facts, summary_row
from workers.model import PRIORITIES, DirectoryId, Job, JobId, JobState, Order, Package

if TYPE_CHECKING:
    from workers.fleet import Fleet
    from workers.profile import Profile

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JobName = Annotated[str, typer.Argument(help="The job's id, or its label such as DIR-1a2b3c4d.", show_default=False)]

_SEARCHED = 500  # the latest jobs among which a label is looked for


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(enqueue)
    group = typer.Typer(help="Jobs and their submissions.", no_args_is_help=True)
    group.command("list")(list_jobs)
    group.command("show")(show)
    group.command("cancel")(cancel)
    app.add_typer(group, name="jobs")


def enqueue(  # noqa: PLR0913 (a command has as many parameters as options)
    profile: Annotated[Path, typer.Option(help="JSON file with the business profile.", show_default=False)],
    directories: Annotated[str | None, typer.Option(help="Directories by their slugs: a,b,c.")] = None,
    package: Annotated[Package | None, typer.Option(help="Or a package: its best active directories.")] = None,
    priority: Annotated[
        int | None,
        typer.Option(min=PRIORITIES[0], max=PRIORITIES[-1], help="1 is served first.", show_default="the package's"),
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key with the same order brings the same job back.")
    ] = None,
    customer: Annotated[
        str | None, typer.Option(help="Who buys: a reference of yours.", show_default="the host of the website")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Order submissions of a business to directories. Exit code 1 when the order is refused, 2 when it is not clear."""
    from infra.profile_file import read_profile
    from workers.orders import place_order

    slugs = _slugs(directories, package)
    for option, value in (("--customer", customer), ("--idempotency-key", idempotency_key)):
        _check_reference(option, value)
    parsed = read_profile(profile)
    order = Order(
        profile=parsed,
        customer=customer or website_host(parsed),
        directories=slugs,
        package=package or Package.CUSTOM,
        priority=priority,
        idempotency_key=idempotency_key,
    )
    answer = _with_fleet(lambda fleet: place_order(fleet.store, fleet.queue, order))
    facts = {
        "job_id": answer.job_id,
        "is_new": answer.is_new,
        "customer": order.customer,
        "directories": answer.directories,
        "priority": answer.priority,
        "correlation_id": answer.correlation_id,
    }
    if as_json:
        print(json.dumps(facts))
        return
    what = "accepted" if answer.is_new else "was accepted before, nothing new was stored"
    places = "1 directory" if answer.directories == 1 else f"{answer.directories} directories"
    print(f"{label(answer.job_id)} {what}: {places}, priority {answer.priority}.")
    print(f"Follow it with: fleet jobs show {answer.job_id}")


def list_jobs(
    limit: Annotated[int, typer.Option(min=1, max=_SEARCHED, help="At most so many.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """List the latest jobs, newest first."""
    jobs = _with_fleet(lambda fleet: fleet.store.list_jobs(limit))
    if as_json:
        print(json.dumps([summary_facts(job) for job in jobs], indent=2))
    elif jobs:
        headings = ("job", "state", "package", "priority", "customer", "submissions", "created")
        print_table(headings, [summary_row(job) for job in jobs])
    else:
        print("No jobs. Place an order with `fleet enqueue`.")


def show(job: JobName, *, as_json: AsJson = False) -> None:
    """Show a job and what became of each submission."""

    async def look(fleet: Fleet) -> dict[str, Any]:
        return job_facts(await _read(fleet, job), fleet.evidence)

    facts = _with_fleet(look)
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    submissions = facts.pop("submissions")
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):<16}{'–' if value in (None, '') else value}")
    headings = ("directory", "state", "why", "attempts", "seconds", "evidence")
    print_table(headings, [submission_row(one) for one in submissions])


def cancel(job: JobName) -> None:
    """Cancel a job: at once while it waits, else before its next directory. Nothing that was sent is taken back."""
    from workers.errors import FleetError

    async def end(fleet: Fleet) -> tuple[Job, JobState | None]:
        found = await _read(fleet, job)
        return found, await fleet.store.cancel(found.id)

    found, state = _with_fleet(end)
    if state is JobState.CANCELLED:
        print(f"{found.label} is cancelled.")
    elif state is JobState.IN_PROGRESS:
        print(f"{found.label} is in progress; it will be cancelled before its next directory.")
    else:
        raise FleetError(f"{found.label} has ended already: {state}.")


def website_host(profile: Profile) -> str:
    """Return who a profile belongs to unless somebody says so: its website's host, without `www.`."""
    from urllib.parse import urlsplit

    return (urlsplit(profile.website).hostname or "").removeprefix("www.")


def _slugs(directories: str | None, package: Package | None) -> tuple[DirectoryId, ...]:
    named = [slug.strip() for slug in (directories or "").split(",")]
    slugs = tuple(DirectoryId(slug) for slug in dict.fromkeys(named) if slug)
    if package is Package.CUSTOM:
        raise typer.BadParameter("custom is an order that names its directories: use --directories a,b,c")
    if directories is not None and not slugs:
        raise typer.BadParameter("--directories names none; expected slugs such as a,b,c")
    if bool(slugs) == bool(package):
        raise typer.BadParameter("give either --directories a,b,c or --package, to say where to submit")
    return slugs


def _check_reference(option: str, value: str | None) -> None:
    from workers.values import Fault, line

    try:
        if value is not None:
            line(200)(value)
    except Fault as fault:
        raise typer.BadParameter(f"{option} {fault}") from None


async def _read(fleet: Fleet, name: str) -> Job:
    """Return the job of this id or label. Raises `FleetError` when there is none, or more than one."""
    from workers.errors import FleetError

    if job := await fleet.store.read(JobId(name)):
        return job
    start = name.lower().removeprefix("dir-")
    ids = {one.id for one in await fleet.store.list_jobs(_SEARCHED) if start and one.id.startswith(start)}
    job = await fleet.store.read(ids.pop()) if len(ids) == 1 else None
    if job is None:
        why = f"{len(ids)} jobs have this label; give the whole id" if ids else "`fleet jobs list` prints the latest"
        raise FleetError(f"No job {name!a}: {why}.")
    return job


def _with_fleet(action: Callable[[Fleet], Awaitable[T]]) -> T:
    from workers.bootstrap import open_fleet
    from workers.settings import load_settings

    settings = load_settings()
    if "log_level" not in settings.model_fields_set:  # a person at a terminal wants the answer, not the steps
        settings = settings.model_copy(update={"log_level": "WARNING"})

    async def run() -> T:
        async with open_fleet(settings) as fleet:
            return await action(fleet)

    return asyncio.run(run())
