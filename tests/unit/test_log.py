"""Logs carry ids and no personal data."""

from __future__ import annotations

import json
import logging

import pytest

from workers.log import bound, configure_logging, get_logger


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    configure_logging("INFO")
    monkeypatch.setattr(logging.getLogger("fleet"), "propagate", True)
    return caplog


def test_profile_data_is_redacted_by_key_and_inside_texts(lines: pytest.LogCaptureFixture) -> None:
    get_logger("test").info("form.filled", email="ann@example.com", error="ann@example.com or +1 202 555 0143 refused")
    event = json.loads(lines.records[-1].getMessage())
    assert event["email"] == "[redacted]"
    assert event["error"] == "[e-mail] or [phone] refused"


def test_ids_are_bound_once_for_every_line_inside(lines: pytest.LogCaptureFixture) -> None:
    with bound(job_id="job-1"):
        get_logger("test").info("job.claimed")
    get_logger("test").info("job.settled")
    inside, outside = (json.loads(record.getMessage()) for record in lines.records[-2:])
    assert inside["job_id"] == "job-1"
    assert "job_id" not in outside


def test_a_newline_in_a_value_stays_on_one_line(lines: pytest.LogCaptureFixture) -> None:
    get_logger("test").info("form.filled", label="first\nsecond \x1b[31m")
    assert "\n" not in lines.records[-1].getMessage()
    assert "\x1b" not in lines.records[-1].getMessage()
