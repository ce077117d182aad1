"""Structured logs: JSON outside a terminal, ids bound once, personal data redacted.

Events are named `noun.past_participle` (`job.claimed`). Ids travel as context variables: bind them with
`bound(job_id=…)` and every line inside carries them, in every task that starts there.
"""

from __future__ import annotations

import logging
import re
import sys
from contextlib import AbstractContextManager
from typing import Any, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_PHONE = re.compile(r"\+\d[\d ()./-]{7,}\d")
_PRIVATE = frozenset({"profile", "email", "phone", "fax", "contact_name", "street_address", "value", "values"})


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace profile data: by the name of the key, and e-mail addresses and phone numbers inside texts."""
    return {key: "[redacted]" if key in _PRIVATE else _redact_text(value) for key, value in event.items()}


def _redact_text(value: Any) -> Any:
    if isinstance(value, str):
        return _PHONE.sub("[phone]", _EMAIL.sub("[e-mail]", value))
    return value


class _Stderr(logging.Handler):
    """Writes to whatever `sys.stderr` is at the moment: tests and progress displays put their own in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        sys.stderr.write(f"{self.format(record)}\n")


def configure_logging(level: str = "INFO") -> None:
    """Set structlog and the standard library's `fleet` logger up for this process. Safe to call twice."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            _renderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    fleet = logging.getLogger("fleet")
    fleet.setLevel(level)
    if not fleet.handlers:
        handler = _Stderr()
        handler.setFormatter(logging.Formatter("%(message)s"))
        fleet.addHandler(handler)
    fleet.propagate = False


def _renderer() -> Any:
    if sys.stderr.isatty():
        return structlog.dev.ConsoleRenderer()
    return structlog.processors.JSONRenderer()


def get_logger(name: str) -> FilteringBoundLogger:
    """Return the logger `fleet.<name>`."""
    return cast("FilteringBoundLogger", structlog.get_logger(f"fleet.{name}"))


def bound(**ids: Any) -> AbstractContextManager[None]:
    """Bind ids to every line that is logged inside the block."""
    return structlog.contextvars.bound_contextvars(**ids)
