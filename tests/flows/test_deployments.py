"""`prefect.yaml` and `fleet bootstrap` can be repeated, and name only what exists."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import PrefectClient
from prefect.flows import Flow

from infra.bootstrap import BROWSERS, PREFECT_FILE, SERVICES, ZOMBIES, furnish
from tests.fixtures.prefect import PrefectServer

PLAN = yaml.safe_load(PREFECT_FILE.read_text())


@pytest.mark.parametrize("entrypoint", [one["entrypoint"] for one in PLAN["deployments"]])
def test_every_entrypoint_is_a_flow_of_an_installed_module(entrypoint: str) -> None:
    module, _, name = entrypoint.rpartition(".")
    assert isinstance(getattr(importlib.import_module(module), name), Flow)


def test_no_deployment_carries_a_secret_or_retries_by_itself() -> None:
    assert PLAN["pull"] == []
    for deployment in PLAN["deployments"]:
        assert "job_variables" not in deployment.get("work_pool", {})
        module, _, name = deployment["entrypoint"].rpartition(".")
        assert getattr(importlib.import_module(module), name).retries == 0


def test_every_schedule_has_a_slug() -> None:
    schedules = [one for deployment in PLAN["deployments"] for one in deployment.get("schedules", [])]
    assert len(schedules) == 2
    assert all(one["slug"] for one in schedules)


async def test_deploying_twice_changes_nothing(deployed: PrefectServer) -> None:
    async with deployed.client() as client:
        before = await _deployments(client)
        deployed.run("deploy", "--all", "--prefect-file", str(PREFECT_FILE))
        assert await _deployments(client) == before
    assert set(before) == {
        "flows.process.process_job",
        "flows.consume.consume_jobs",
        "flows.recover.recover_stale_jobs",
    }


async def test_furnishing_twice_makes_everything_once(deployed: PrefectServer) -> None:
    async with deployed.client() as client:
        await furnish(client)
        pools = {pool.name: pool for pool in await client.read_work_pools()}
        queues = await client.read_work_queues(work_pool_name=BROWSERS)
        assert [one.name for one in await client.read_automations_by_name(ZOMBIES)] == [ZOMBIES]
    assert {name: _drives_browsers(pools[name].base_job_template) for name in (BROWSERS, SERVICES)} == {
        BROWSERS: True,
        SERVICES: False,
    }
    order = sorted(queues, key=lambda queue: queue.priority or 0)
    assert [queue.name for queue in order][:4] == ["p1", "p2", "p3", "p4"]


async def _deployments(client: PrefectClient) -> Mapping[str, Any]:
    """All that a deployment is, but for the moment of its last change and how its runs go."""
    passing = {"updated", "last_polled", "status"}
    return {
        str(one.entrypoint): one.model_dump(exclude=passing)
        | {"schedules": [_schedule(each) for each in one.schedules]}
        for one in await client.read_deployments()
    }


def _schedule(schedule: Any) -> Any:
    return schedule.model_dump(exclude={"updated", "created"})


def _drives_browsers(template: Mapping[str, Any]) -> bool:
    return bool(template["variables"]["properties"]["browsers"]["default"])
