"""Turns measurements into a table for people and JSON for comparison."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.fleet import FleetFigures

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True, slots=True)
class Pace:
    """Submissions that the sites accepted, and the seconds that they took."""

    accepted: int
    seconds: float

    @property
    def per_minute(self) -> float:
        """Accepted submissions a minute."""
        return self.accepted * 60 / self.seconds


@dataclass(frozen=True, slots=True)
class Report:
    """All results of one run of the benchmarks."""

    at: datetime
    machine: Mapping[str, str]
    slugs: Sequence[str]
    slots: int
    pooled: Pace
    launched: Pace
    launched_at_once: Pace
    fleet: FleetFigures

    @property
    def end_to_end(self) -> Pace:
        """The fleet's pace."""
        return Pace(self.fleet.accepted, self.fleet.seconds)

    def markdown(self) -> str:
        """Return the report as Markdown."""
        return "\n".join(
            [
                f"# Benchmarks of {self.at:%Y-%m-%d %H:%M} UTC",
                "",
                *(f"- {name}: {value}" for name, value in self.machine.items()),
                "",
                f"Sites: {', '.join(self.slugs)}.",
                "A submission counts when a site's own ledger says that it accepted it.",
                "",
                *_table(["submissions", "a minute", "accepted", "s"], self._paces()),
                "",
                f"(c) is {self.end_to_end.per_minute / self.pooled.per_minute:.2f} × (a), aim ≥ 0.6,",
                f"and {self.end_to_end.per_minute / self.launched.per_minute:.2f} × (b), aim ≥ 1.5.",
                "",
                *self._exceptions(),
                *_table(["latency", "p50 ms", "p95 ms", "n", "aim"], self._latencies()),
                "",
                *_table(["browser worker", "Python MiB", "browsers MiB"], self._memory()),
                "",
                *_table(["processor of (c)", "s of CPU", "of all"], self._processor()),
                "",
            ]
        )

    def _paces(self) -> list[list[str]]:
        paces = {
            f"(a) Playwright alone, one warm browser, {self.slots} pages at once": self.pooled,
            "(b) Playwright alone, a browser for each submission, one at a time": self.launched,
            f"the same, {self.slots} browsers at once": self.launched_at_once,
            f"(c) the fleet over SQS, Prefect and Postgres, {self.slots} pages at once": self.end_to_end,
        }
        return [[name, f"{p.per_minute:.0f}", str(p.accepted), f"{p.seconds:.1f}"] for name, p in paces.items()]

    def _exceptions(self) -> list[str]:
        """Name what the fleet did not submit: these sites are all made to take it."""
        others = [f"{what} × {count}" for what, count in self.fleet.outcomes.items() if "submitted" not in what]
        return [f"Not submitted by (c): {'; '.join(others)}.", ""] if others else []

    def _latencies(self) -> list[list[str]]:
        return [
            _latency("enqueue, idle", self.fleet.enqueue_idle, "p95 < 100"),
            _latency("enqueue, all browsers busy", self.fleet.enqueue_busy, ""),
            _latency("start of a run after its hint", self.fleet.starts, "p95 < 3000"),
        ]

    def _memory(self) -> list[list[str]]:
        weighed = {"idle": self.fleet.idle, "busy, at most": self.fleet.busy}
        return [[name, f"{memory.python:.0f}", f"{memory.browsers:.0f}"] for name, memory in weighed.items()]

    def _processor(self) -> list[list[str]]:
        total = sum(self.fleet.processor.values()) or 1
        spent = sorted(self.fleet.processor.items(), key=lambda item: -item[1])
        return [[name, f"{seconds:.1f}", f"{seconds / total:.0%}"] for name, seconds in spent]

    def keep(self) -> Path:
        """Write Markdown and JSON beside each other; return the path of the Markdown."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.at:%Y-%m-%d}.md"
        path.write_text(self.markdown())
        path.with_suffix(".json").write_text(json.dumps(asdict(self), indent=1, default=str) + "\n")
        return path


def _latency(name: str, seconds: Sequence[float], aim: str) -> list[str]:
    return [name, f"{percentile(seconds, 50):.0f}", f"{percentile(seconds, 95):.0f}", str(len(seconds)), aim]


def percentile(seconds: Sequence[float], percent: int) -> float:
    """Return a percentile in milliseconds."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---" if number == 0 else "---:" for number in range(len(head))]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def now() -> datetime:
    """Return the moment of a run of the benchmarks."""
    return datetime.now(UTC)
