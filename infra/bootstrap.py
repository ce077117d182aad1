"""Makes a Prefect server ready for Fleet: work pools, their queues, the deployments, and the zombie automation.

Safe to repeat: what exists is brought up to date. `prefect.yaml` holds the deployments; what it cannot hold is here.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout, suppress
from datetime import timedelta
from pathlib import Path

import yaml
from prefect.cli import app
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import PREFECT_API_URL

from workers.errors import FleetError
from workers.model import PRIORITIES
from workers.prefect_worker import FleetWorker
from workers.settings import Settings, load_settings

PREFECT_FILE = Path(__file__).resolve().parents[1] / "prefect.yaml"
BROWSERS = "fleet"  # the pool whose workers drive browsers
SERVICES = "fleet-services"  # the pool whose workers consume and watch
FLOWS = ("process-job", "consume-jobs", "recover-stale-jobs")
ZOMBIES = "fleet: end runs without a heartbeat"

# Three signs of life, of which a run sends one in 180 s (PREFECT_FLOWS_HEARTBEAT_FREQUENCY). The sweep ends the runs
# of jobs much sooner; this is for the others.
ZOMBIE_AFTER = timedelta(seconds=3 * 180)


class NotBootstrapped(FleetError):
    """Prefect's server could not be made ready."""


async def bootstrap(settings: Settings, say: Callable[[str], None] = print) -> None:
    """Make everything that is missing, deploy, and start the first shift. Raises `NotBootstrapped`."""
    if not PREFECT_API_URL.value():
        raise NotBootstrapped("PREFECT_API_URL must name the Prefect server, as in http://127.0.0.1:4200/api.")
    async with get_client() as client:
        await furnish(client)
        say(f"Pools {BROWSERS} and {SERVICES}, queues and automation are ready.")
        await deploy({"shift": settings.shift, "sweep": settings.sweep_interval})
        await _start_first_shift(client)
        say("Deployments are ready.")


async def furnish(client: PrefectClient) -> None:
    """Make or update the pools, the queues and the automation."""
    await _make_pool(client, BROWSERS, drives_browsers=True)
    await _make_pool(client, SERVICES, drives_browsers=False)
    for priority in PRIORITIES:
        await _make_queue(client, f"p{priority}", priority)
    await _make_automation(client, zombie_automation())


async def _make_pool(client: PrefectClient, name: str, *, drives_browsers: bool) -> None:
    """Create or update a pool; one of another type (a stock `process` worker's) stays as it is."""
    with suppress(ObjectNotFound):
        if (await client.read_work_pool(name)).type != FleetWorker.type:
            return
    template = FleetWorker.get_default_base_job_template()
    template["variables"]["properties"]["browsers"]["default"] = drives_browsers
    pool = WorkPoolCreate(name=name, type=FleetWorker.type, base_job_template=template)
    await client.create_work_pool(pool, overwrite=True)


async def _make_queue(client: PrefectClient, name: str, priority: int) -> None:
    try:
        await client.create_work_queue(name, work_pool_name=BROWSERS, priority=priority)
    except ObjectAlreadyExists:
        queue = await client.read_work_queue_by_name(name, work_pool_name=BROWSERS)
        if queue.priority != priority:
            await client.update_work_queue(queue.id, priority=priority)


async def _make_automation(client: PrefectClient, automation: AutomationCore) -> None:
    known = await client.read_automations_by_name(automation.name)
    if known:
        await client.update_automation(known[0].id, automation)
    else:
        await client.create_automation(automation)


def zombie_automation(within: timedelta = ZOMBIE_AFTER) -> AutomationCore:
    """Crash a run of Fleet's flows that sent no sign of life for so long: its process was killed, and told nobody."""
    signs = "prefect.flow-run.heartbeat"
    ends = {f"prefect.flow-run.{end}" for end in ("Completed", "Failed", "Cancelled", "Crashed", "AwaitingRetry")}
    return AutomationCore(
        name=ZOMBIES,
        description="A killed process tells nobody; its run would be shown as running for ever.",
        trigger=EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": "flow", "prefect.resource.name": list(FLOWS)}
            ),
            for_each={"prefect.resource.id"},
            after={signs},
            expect={signs, *ends},
            posture=Posture.Proactive,
            threshold=1,
            within=within,
        ),
        actions=[
            ChangeFlowRunState(state=StateType.CRASHED, message="No sign of life: its process was probably killed.")
        ],
    )


async def deploy(intervals: Mapping[str, timedelta]) -> None:
    """Deploy `prefect.yaml`, with other intervals for the schedules of these slugs."""
    plan = yaml.safe_load(PREFECT_FILE.read_text())
    for schedule in (one for deployment in plan["deployments"] for one in deployment.get("schedules", ())):
        schedule["interval"] = intervals.get(schedule["slug"], timedelta(seconds=schedule["interval"])).total_seconds()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prefect.yaml"
        file.write_text(yaml.safe_dump(plan))
        await asyncio.to_thread(_run_prefect, "deploy", "--all", "--prefect-file", str(file))


def _run_prefect(*arguments: str) -> None:
    """Run Prefect's own command in this process: another one would import everything again, which takes seconds."""
    own, output = sys.argv, io.StringIO()
    sys.argv = ["prefect", "--no-prompt", *arguments]
    try:
        with redirect_stdout(output):
            app()
    except SystemExit as end:
        if end.code:
            raise NotBootstrapped(f"`prefect {arguments[0]}` failed:\n{output.getvalue()[-2000:]}") from None
    finally:
        sys.argv = own


async def _start_first_shift(client: PrefectClient) -> None:
    """Begin now: the schedule's first shift may be an interval away."""
    deployment = await client.read_deployment_by_name("consume-jobs/fleet")
    await client.create_flow_run_from_deployment(deployment.id)


if __name__ == "__main__":
    try:
        asyncio.run(bootstrap(load_settings()))
    except FleetError as error:
        sys.exit(f"fleet bootstrap: {error}")
