"""`fleet inspect` and `fleet submit`: how a form is understood, and one submission without queue or database."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.errors import FleetError, ProfileInvalid

if TYPE_CHECKING:
    from workers.forms.submitter import Made
    from workers.profile import Profile
    from workers.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: one object a line.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("inspect")(inspect)
    app.command("submit")(submit)


def inspect(
    sources: Annotated[list[str], typer.Argument(metavar="URL|FILE…", help="Pages to look at.", show_default=False)],
    *,
    as_json: AsJson = False,
    offline: Annotated[bool, typer.Option("--offline", help="Block all network; for files.")] = False,
) -> None:
    """Show how the forms of pages are understood. Nothing is filled, nothing is sent."""
    _check_sources(sources, offline=offline)
    failures = asyncio.run(_inspect_all(sources, as_json=as_json, offline=offline))
    if failures:
        print(f"fleet: {failures} of {len(sources)} pages could not be read", file=sys.stderr)
        raise typer.Exit(1)


def _check_sources(sources: list[str], *, offline: bool) -> None:
    addresses = [source for source in sources if "://" in source]
    odd = [source for source in addresses if not source.startswith(("http://", "https://"))]
    if odd:
        raise FleetError(f"{odd[0]} is neither an http address nor the path of a file.")
    if offline and addresses:
        raise FleetError(f"{addresses[0]} cannot be opened with --offline; save the page and give its file.")
    missing = [source for source in sources if "://" not in source and not Path(source).is_file()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise FleetError(f"There is no file {missing[0]}{more}. An address begins with https://.")


async def _inspect_all(sources: list[str], *, as_json: bool, offline: bool) -> int:
    from workers.browser.pool import BrowserPool
    from workers.forms.inspect import inspect as inspect_pages

    settings = _settings()
    failures = 0
    async with BrowserPool(settings) as pool:
        async for found in inspect_pages(pool, sources, at_once=settings.slots, is_offline=offline):
            failures += bool(found.error)
            if as_json:
                print(json.dumps(found.report), flush=True)  # ASCII: a page may hold what no encoding can print
            else:
                _print_inspection(found.report)
    return failures


def _settings(**overrides: Any) -> Settings:
    """Return the settings for work without queue and database: theirs need not be set."""
    from workers.log import configure_logging
    from workers.settings import load_settings

    settings = load_settings({"store": "memory", "queue": "memory", **overrides})
    configure_logging(settings.log_level)  # to stderr: what is printed is the answer
    return settings


def _print_inspection(report: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)
    console.print(f"{report['source']}  ({report['elapsed_ms']} ms)")
    if "error" in report:
        console.print(f"  could not be read: {report['error']}")
    for wall in report["walls"]:
        console.print(f"  wall: {wall['reason']}, “{wall['quote']}”")
    for form in report["forms"]:
        pressed = f"sends with “{form['submit']['text']}”" if form["submit"] else "nothing to send it with"
        console.print(f"\n  {'▶ ' if form['chosen'] else ''}{form['purpose']} form, {pressed}")
        table = Table(box=box.SIMPLE)
        for heading in ("label", "key", "fills", "required", "seen", "sure", "why"):
            table.add_column(heading, overflow="fold")
        for field in form["fields"]:
            marks = [("yes" if field[name] else "") for name in ("fill", "required", "visible")]
            table.add_row(field["label"], field["key"] or "–", *marks, f"{field['confidence']:.2f}", field["why"])
        if form["fields"]:
            console.print(table)
    if not report["forms"] and "error" not in report:
        console.print("  no forms")


def submit(
    url: Annotated[str, typer.Argument(help="The submission page.", show_default=False)],
    profile: Annotated[Path, typer.Option("--profile", help="JSON file with the business profile.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fill the form and stop before the click.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make one submission, without queue and database. Nothing remembers it: a second run sends a second time."""
    if not url.startswith(("http://", "https://")):
        raise FleetError(f"{url} is no web address; expected one such as https://example.com/add-listing.")
    report = asyncio.run(_submit(url, _read_profile(profile), is_dry=dry_run))
    if as_json:
        print(json.dumps(report))
    else:
        _print_submission(report)


def _read_profile(path: Path) -> Profile:
    from workers.profile import parse_profile

    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FleetError(f"The profile {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ProfileInvalid(f"The profile {path} is no JSON:", [str(error)]) from None
    return parse_profile(data)


class OpenGate:
    """Allows every click. There is no database here that could know of an earlier one (`ports.Gate`)."""

    async def commit_intent(self) -> None:
        """Allow it."""

    async def void_intent(self, proof: str) -> None:
        """Nothing was noted, so nothing is taken back; `proof` goes with it."""


async def _submit(url: str, profile: Profile, *, is_dry: bool) -> dict[str, Any]:
    from time import monotonic
    from urllib.parse import urlsplit

    from workers.adapters.evidence import FolderEvidence
    from workers.browser.pool import BrowserPool
    from workers.forms.submitter import FormSubmitter
    from workers.model import Directory, DirectoryId

    settings = _settings(browsers=1, pages_per_browser=1)
    host = urlsplit(url).hostname or url
    directory = Directory(id=DirectoryId(host), name=host, site=url, submission_url=url)
    began = monotonic()
    async with BrowserPool(settings) as pool:
        submitter = FormSubmitter(pool, FolderEvidence(settings.evidence_dir, settings.public_url), settings)
        made = await submitter.make(directory, profile, OpenGate(), is_dry=is_dry)
    return _report(made, settings.evidence_dir, monotonic() - began)


def _report(made: Made, folder: Path, seconds: float) -> dict[str, Any]:
    from workers.adapters.codec import state_of

    outcome = made.outcome
    proof = outcome.evidence if outcome else None
    return {
        "outcome": str(state_of(outcome)) if outcome else "skipped",
        "reason": str(outcome.reason) if outcome else None,
        "message": outcome.message if outcome else "Dry run: the form was filled, and nothing was clicked.",
        "final_url": made.final_url,
        "confirmation": proof.confirmation if proof else None,
        "listing_url": proof.listing_url if proof else None,
        "evidence": str(folder / made.screenshot) if made.screenshot else None,
        "fields": [{"key": one.key, "label": one.control.title, "value": one.shown} for one in made.entries],
        "seconds": round(seconds, 2),
    }


def _print_submission(report: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)
    reason = f" ({report['reason']})" if report["reason"] else ""
    console.print(f"{report['outcome']}{reason}: {report['message']}")
    table = Table(box=box.SIMPLE)
    for heading in ("key", "label", "value"):
        table.add_column(heading, overflow="fold")
    for field in report["fields"]:
        table.add_row(field["key"], field["label"], field["value"])
    if report["fields"]:
        console.print(table)
    for name in ("final_url", "listing_url", "evidence"):
        if report[name]:
            console.print(f"{name.replace('_', ' '):<12} {report[name]}")
    console.print(f"{'seconds':<12} {report['seconds']}")
