"""`python -m benchmarks`: all measurements in one run on one machine, printed and kept in `benchmarks/results/`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

from benchmarks import bare, machine
from benchmarks.fleet import FleetFigures, measure
from benchmarks.report import Pace, Report, now
from infra.local.control import erase
from infra.local.demo import count_accepted, reset_sites
from infra.local.home import Home, StackState
from infra.local.stack import Stack
from workers.errors import FleetError, StackError


async def run(jobs: int, singles: int, slots: int) -> Report:
    """Measure (a) and (b) with nothing but the sites beside them, then (c) on a fresh stack."""
    os.environ["FLEET_PAGES_PER_BROWSER"] = str(slots)
    facts, slugs = machine.facts(), list(bare.SCRIPTS)
    visits = slugs * jobs
    async with _sites_alone() as sites:
        port = urlsplit(sites).port or 0
        pooled = await _pace(sites, bare.pooled(port, visits, slots))
        launched = await _pace(sites, bare.launched(port, visits[: len(visits) // 3], 1))
        launched_at_once = await _pace(sites, bare.launched(port, visits, slots))

    async def measure_fleet(stack: StackState) -> FleetFigures:
        return await measure(stack, slugs, jobs, singles)

    home = Home.find(Path(mkdtemp(prefix="fleet-bench-")))
    try:
        fleet = await Stack(home, _tell).run(measure_fleet)
    finally:
        await asyncio.to_thread(erase, home)
    return Report(now(), facts, slugs, slots, pooled, launched, launched_at_once, fleet)


@asynccontextmanager
async def _sites_alone() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.local.sites", "--port", "0"), stdout=asyncio.subprocess.PIPE
    )
    try:
        ready = await process.stdout.readline() if process.stdout else b""
        if not ready:
            raise StackError("The sample sites did not start.")
        yield ready.decode().split()[1]
    finally:
        process.terminate()
        await process.wait()


async def _pace(sites: str, visits: Awaitable[float]) -> Pace:
    await reset_sites(sites)
    seconds = await visits
    return Pace(sum((await count_accepted(sites)).values()), seconds)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Run the benchmarks; return the exit code."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--jobs", type=int, default=40, help="jobs at once; each goes to six sites")
    parser.add_argument("--singles", type=int, default=20, help="jobs one after the other, for the latencies")
    parser.add_argument("--slots", type=int, default=4, help="pages at once")
    options = parser.parse_args()
    try:
        report = asyncio.run(run(options.jobs, options.singles, options.slots))
    except FleetError as error:
        _tell(f"benchmarks: {error}")
        return 1
    print(report.markdown())
    print(f"Kept in {report.keep()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
