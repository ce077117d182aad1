"""How the demonstration looks: a live table in a terminal, a line for each outcome elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from infra.local.demo import DemoResult, describe, is_as_designed
from workers.model import Job, Submission, SubmissionState
from workers.ports import EvidenceStore

_COLOURS = {
    SubmissionState.SUBMITTED: "green",
    SubmissionState.SUBMITTING: "yellow",
    SubmissionState.DEFERRED: "yellow",
    SubmissionState.FAILED: "red",
    SubmissionState.UNKNOWN: "magenta",
    SubmissionState.PLANNED: "dim",
}


def _outcome(one: Submission) -> Text:
    return Text(one.state, style=_COLOURS.get(one.state, "cyan"))


def _seconds(one: Submission) -> str:
    return "" if one.seconds is None else f"{one.seconds:.1f}"


@contextmanager
def progress(console: Console) -> Iterator[Callable[[Job], None]]:
    """Yield what shows the job as it stands; call it as often as you like."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            yield lambda job: live.update(_live_table(job), refresh=True)
        return
    seen: dict[str, str] = {}

    def print_changes(job: Job) -> None:
        for one in job.submissions:
            now = describe(one)
            if not one.state.is_open and seen.get(one.directory.id) != now:
                seen[one.directory.id] = now
                console.print(f"  {one.directory.id}: {now}", highlight=False)

    yield print_changes


def _live_table(job: Job) -> Table:
    done = sum(not one.state.is_open for one in job.submissions)
    table = Table(title=f"{job.label} · {job.state} · {done} of {len(job.submissions)}", title_justify="left")
    for column in ("directory", "outcome", "reason", "s"):
        table.add_column(column)
    for one in job.submissions:
        table.add_row(one.directory.name, _outcome(one), one.reason or "", _seconds(one))
    return table


def _evidence(link: str, console: Console) -> Text:
    """A terminal hides the address behind a word that can be clicked; elsewhere it is written out."""
    return Text("screenshot", style=f"link {link}") if console.is_terminal else Text(link)


def print_result(console: Console, result: DemoResult, evidence: EvidenceStore) -> None:
    """Print the table of outcomes, the ledger's count, and where to look further."""
    table = Table(title=f"{result.job.label}: {result.job.state} after {result.seconds:.1f} s", title_justify="left")
    for column in ("directory", "outcome", "reason", "s", "accepted", "as designed", "evidence"):
        table.add_column(column, no_wrap=True)
    for one in result.job.submissions:
        screenshot = one.evidence.screenshot
        table.add_row(
            one.directory.id,
            _outcome(one),
            one.reason or "",
            _seconds(one),
            str(result.accepted.get(one.directory.id.removeprefix("sample-"), 0)),
            Text("yes", "green") if is_as_designed(one) else Text("no", "red"),
            _evidence(evidence.link(screenshot), console) if screenshot else "none",
        )
    console.print(table)
    console.print(
        f"Accepted POSTs in the sites' own ledgers: at most {max(result.accepted.values(), default=0)} a site."
    )
    for run in result.runs:
        console.print(f"Run in Prefect ({run.state}): {run.url}", soft_wrap=True, highlight=False)
