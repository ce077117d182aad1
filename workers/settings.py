"""All settings of Fleet in one typed object, read from the environment (prefix `FLEET_`) and `.env`.

Durations are given in seconds. Every fault is named at once, and never with the value that caused it.
Sources of the numbers: `docs/configuration.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from workers.errors import SettingsInvalid


def _seconds(value: object) -> object:
    if isinstance(value, str):
        value = float(value)
    return timedelta(seconds=value) if isinstance(value, int | float) else value


Seconds = Annotated[timedelta, BeforeValidator(_seconds), Field(ge=timedelta(0))]


class Settings(BaseSettings):
    """Everything that an operator can set. Build it with `load_settings()`."""

    model_config = SettingsConfigDict(
        env_prefix="FLEET_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    # Where the truth lives
    store: Literal["postgres", "supabase", "memory"] = Field(
        default="postgres", description="Which adapter holds the truth."
    )
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL", "FLEET_DATABASE_URL"),
        description="Postgres, `postgresql://user:password@host:port/database`; needed by the store `postgres`.",
    )
    database_pool_size: int = Field(default=8, ge=1, le=100, description="Connections each process may hold.")
    supabase_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("SUPABASE_URL", "FLEET_SUPABASE_URL"),
        description="Base address of the Supabase project; needed by the store `supabase`.",
    )
    supabase_service_role_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("SUPABASE_SERVICE_ROLE_KEY", "FLEET_SUPABASE_SERVICE_ROLE_KEY"),
        description="The service role's key; needed by the store `supabase`.",
    )

    # The queue
    queue: Literal["sqs", "memory"] = Field(default="sqs", description="Which adapter carries the hints.")
    sqs_endpoint: str | None = Field(default=None, description="Address of an SQS server that is not AWS's.")
    sqs_region: str = Field(
        default="us-east-1",
        validation_alias=AliasChoices("FLEET_SQS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
        description="AWS region of the queues; unset, `AWS_REGION` or `AWS_DEFAULT_REGION` says it.",
    )
    queue_prefix: str = Field(
        default="fleet",
        pattern=r"^[A-Za-z0-9_-]{1,60}$",
        description="Queues are named `<prefix>-p1` … `<prefix>-dlq`.",
    )
    long_poll: Seconds = Field(
        default=timedelta(seconds=1),
        description="How long an idle consumer waits at the queues at once; a second hint may wait as long.",
    )

    # Leases and attempts
    heartbeat_interval: Seconds = Field(
        default=timedelta(seconds=20), description="How often a worker prolongs its lease."
    )
    lease: Seconds = Field(
        default=timedelta(seconds=180),
        description="How long a job belongs to a worker without a sign of life.",
    )
    attempt_deadline: Seconds = Field(
        default=timedelta(seconds=120), description="The longest that one attempt at one directory may take."
    )
    max_attempts: int = Field(default=3, ge=1, le=20, description="Attempts at one submission before it ends `failed`.")
    max_recoveries: int = Field(
        default=3,
        ge=0,
        le=20,
        description="How often a job is taken back from a lost worker before it ends `failed`.",
    )
    retry_delay: Seconds = Field(
        default=timedelta(seconds=30),
        description="First wait before a deferred submission is tried again; doubles.",
    )
    retry_delay_limit: Seconds = Field(
        default=timedelta(minutes=15), description="The longest wait between two attempts."
    )
    rehint_after: Seconds = Field(
        default=timedelta(seconds=60),
        description="A hint that led to no claim for this long is sent again by the sweep.",
    )

    # Consuming
    shift: Seconds = Field(
        default=timedelta(seconds=60),
        description="How long one run of the consumer lasts before the next takes over.",
    )
    sweep_interval: Seconds = Field(
        default=timedelta(seconds=60),
        description="How often stale jobs are recovered and due hints sent again.",
    )
    max_jobs_in_flight: int = Field(
        default=10, ge=1, le=1000, description="Jobs dispatched or in progress at once, over all workers."
    )

    # Browsers
    chromium: Path | None = Field(default=None, description="Path of the Chromium to use instead of the one found.")
    chromium_sandbox: bool | None = Field(
        default=None,
        description="Chromium's sandbox; unset means on where it can be had (not as root).",
    )
    browsers: int = Field(default=1, ge=1, le=32, description="Browsers in the pool of one worker.")
    pages_per_browser: int = Field(default=4, ge=1, le=32, description="Pages at once in one browser.")
    contexts_per_browser: int = Field(
        default=200, ge=1, description="A browser is retired after this many submissions."
    )
    browser_memory_limit_mb: int = Field(
        default=1500, ge=200, description="A browser whose processes hold more MiB than this is retired."
    )
    navigation_timeout: Seconds = Field(
        default=timedelta(seconds=30), description="The longest wait for a page of a directory."
    )
    verdict_timeout: Seconds = Field(
        default=timedelta(seconds=20),
        description="The longest wait for a directory's answer after the last click.",
    )
    pace: Seconds = Field(
        default=timedelta(seconds=5),
        description="The least time between two visits to one directory, unless the catalogue says otherwise.",
    )
    pace_wait_limit: Seconds = Field(
        default=timedelta(seconds=60),
        description="A directory whose turn is further away than this is deferred.",
    )

    # Evidence, logs, addresses
    evidence_dir: Path = Field(default=Path(".fleet/evidence"), description="Folder that keeps the screenshots.")
    public_url: str = Field(
        default="http://127.0.0.1:8080",
        description="Address of Fleet's API as people reach it; links begin with it.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level logged.")

    @model_validator(mode="after")
    def _relations(self) -> Self:
        faults = [sentence for is_broken, sentence in self._rules() if is_broken]
        if faults:
            raise SettingsInvalid("The settings contradict each other:", faults)
        return self

    def _rules(self) -> list[tuple[bool, str]]:
        """Relations between settings, from the figures in `docs/configuration.md`."""
        return [
            (
                self.store == "postgres" and self.database_url is None,
                "store is postgres, so DATABASE_URL must be set",
            ),
            (
                self.store == "supabase" and not (self.supabase_url and self.supabase_service_role_key),
                "store is supabase, so SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY must be set",
            ),
            (
                self.lease <= self.heartbeat_interval * 3,
                "FLEET_LEASE must be more than three times FLEET_HEARTBEAT_INTERVAL",
            ),
            (self.attempt_deadline >= self.lease, "FLEET_ATTEMPT_DEADLINE must be less than FLEET_LEASE"),
            (
                self.navigation_timeout >= self.attempt_deadline,
                "FLEET_NAVIGATION_TIMEOUT must be less than FLEET_ATTEMPT_DEADLINE",
            ),
            (
                self.verdict_timeout >= self.attempt_deadline,
                "FLEET_VERDICT_TIMEOUT must be less than FLEET_ATTEMPT_DEADLINE",
            ),
            (
                self.retry_delay > self.retry_delay_limit,
                "FLEET_RETRY_DELAY must not exceed FLEET_RETRY_DELAY_LIMIT",
            ),
            (
                self.long_poll > timedelta(seconds=20),
                "FLEET_LONG_POLL must be at most 20 s, the limit of SQS",
            ),
        ]

    @property
    def slots(self) -> int:
        """Pages that one worker may have open at once."""
        return self.browsers * self.pages_per_browser


def load_settings(overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings from the environment; `overrides` (field names) win.

    Raises `SettingsInvalid` with every fault, by the name of its variable and without its value.
    """
    try:
        return Settings(**(overrides or {}))
    except ValidationError as error:
        faults = [_fault(detail) for detail in error.errors(include_input=False, include_url=False)]
        raise SettingsInvalid("The settings are not valid:", faults) from None


def _fault(detail: Any) -> str:
    cause = detail.get("ctx", {}).get("error")
    where = ".".join(str(part) for part in detail["loc"])
    return str(cause) if not where else f"{variable(where)}: {detail['msg']}"


def variable(field: str) -> str:
    """Return the environment variable that sets `field`."""
    info = Settings.model_fields.get(field)
    alias = info.validation_alias if info else None
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return field if field.isupper() else f"FLEET_{field.upper()}"
