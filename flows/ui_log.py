"""Lets what the engine logs be read in Prefect's UI, in the run and task that it belongs to.

The lines were redacted when they were rendered (`workers.log`); here they only become shorter for people.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging.handlers import APILogHandler

_KNOWN_TO_THE_RUN = frozenset({"event", "level", "timestamp", "job_id", "worker_id"})


class RunLogHandler(APILogHandler):
    """Sends a line to the run that it was logged in; lines from outside a run are none of the UI's business."""

    def emit(self, record: logging.LogRecord) -> None:
        """Send one line, unless it belongs to no run."""
        if FlowRunContext.get() or TaskRunContext.get():
            super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        """Turn the JSON line back into `event key=value`."""
        text = record.getMessage()
        try:
            line: dict[str, Any] = json.loads(text)
        except ValueError:
            return text
        details = (f"{key}={value}" for key, value in line.items() if key not in _KNOWN_TO_THE_RUN)
        return " ".join([str(line.get("event", "")), *details])


def mirror_logs() -> None:
    """Send what the logger `fleet` says to Prefect as well. Safe to call in every run."""
    fleet = logging.getLogger("fleet")
    if not any(isinstance(handler, RunLogHandler) for handler in fleet.handlers):
        fleet.addHandler(RunLogHandler())
