"""The settings and their documentation say the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from workers.errors import SettingsInvalid
from workers.settings import Settings, load_settings, variable

ROOT = Path(__file__).parents[2]


def default_of(field: str) -> str:
    value = Settings.model_fields[field].default
    if value is None:
        return "–"
    return f"{value.total_seconds():g} s" if isinstance(value, timedelta) else str(value)


def documented_rows() -> dict[str, tuple[str, str]]:
    lines = (ROOT / "docs/configuration.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {row[0].strip("`"): (row[1], row[2]) for row in cells if len(row) == 3}


def test_every_setting_is_documented_with_its_default_and_meaning() -> None:
    expected = {variable(field): (default_of(field), info.description) for field, info in Settings.model_fields.items()}
    assert documented_rows() == expected


def test_the_example_environment_names_every_setting_and_no_other() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = {line.lstrip("# ").split("=")[0] for line in lines if "=" in line}
    assert named == {variable(field) for field in Settings.model_fields}


def test_contradictions_are_all_named_at_once() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings({"store": "postgres", "database_url": None, "lease": 30, "heartbeat_interval": 10})
    assert "DATABASE_URL" in str(caught.value)
    assert "FLEET_LEASE must be more than three times" in str(caught.value)
    assert "FLEET_ATTEMPT_DEADLINE must be less than FLEET_LEASE" in str(caught.value)
    assert len(caught.value.faults) == 3


def test_a_fault_names_the_variable_and_never_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_BROWSERS", "canary-value")
    with pytest.raises(SettingsInvalid) as caught:
        load_settings({"store": "memory"})
    assert "FLEET_BROWSERS" in str(caught.value)
    assert "canary-value" not in str(caught.value)


def test_durations_are_given_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_RETRY_DELAY", "1.5")
    assert load_settings({"store": "memory"}).retry_delay == timedelta(seconds=1.5)


def test_the_region_of_aws_is_the_queues_region_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert load_settings({"store": "memory"}).sqs_region == "eu-central-1"
    monkeypatch.setenv("FLEET_SQS_REGION", "eu-west-1")
    assert load_settings({"store": "memory"}).sqs_region == "eu-west-1"
