"""The environment of every process of the embedded stack, built in this one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.process import MARK
from workers.settings import Settings, load_settings

_LOOPBACK = "127.0.0.1,localhost,.localhost"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of a stack are reached. `database` and `prefect_database` are `postgresql://` URLs."""

    database: str
    prefect_database: str
    sqs: str
    prefect: str
    api: str
    sites: str

    def for_people(self) -> dict[str, str]:
        """Return what a person may open or connect to; the password of the database is in `fleet env` only."""
        return {
            "Prefect UI": self.prefect,
            "API": self.api,
            "Sample directories": self.sites,
            "SQS": self.sqs,
            "Postgres": _without_password(self.database),
        }


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def fleet_variables(addresses: Addresses, folder: Path) -> dict[str, str]:
    """Return the variables that lead any command to this stack."""
    return {
        "DATABASE_URL": addresses.database,
        "FLEET_STORE": "postgres",
        "FLEET_QUEUE": "sqs",
        "FLEET_SQS_ENDPOINT": addresses.sqs,
        "FLEET_EVIDENCE_DIR": str(folder / "evidence"),
        "FLEET_PUBLIC_URL": addresses.api,
        # boto3 insists on credentials; the SQS server of the stack takes any.
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PREFECT_API_URL": f"{addresses.prefect}/api",
        "PREFECT_HOME": str(folder / "prefect"),
        "NO_PROXY": _LOOPBACK,
        "no_proxy": _LOOPBACK,
    }


def stack_settings(variables: Mapping[str, str]) -> Settings:
    """Return the settings of this process as `fleet_variables` would set them."""
    fields = {name.removeprefix("FLEET_").lower(): value for name, value in variables.items()}
    return load_settings({name: value for name, value in fields.items() if name in Settings.model_fields})


_QUIET_PREFECT = {
    "DO_NOT_TRACK": "1",  # the SDK's usage events
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",  # upgrade prompts
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_CLI_COLORS": "false",
}

_PREFECT_SERVER = {
    # Without "flow_runs" its database keeps the runs of every monitor for ever.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_DATABASE_SQLALCHEMY_POOL_SIZE": "10",
    # One transaction for each event of a task was 15 % of the server's processor time under load.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
}

# A demonstration cannot wait for the delays that suit the real web; whoever sets one of these wins.
_BRISK = {
    "FLEET_RETRY_DELAY": "2",
    "FLEET_SWEEP_INTERVAL": "10",
}


def build_environment(
    addresses: Addresses, folder: Path, stack: str, base: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment for all parts: the caller's own, this stack's addresses, and quiet manners."""
    inherited = dict(os.environ if base is None else base)
    return {
        **_BRISK,
        **inherited,
        **_QUIET_PREFECT,
        **fleet_variables(addresses, folder),
        "PYTHONUNBUFFERED": "1",
        MARK: stack,
    }


def prefect_server_environment(environment: Mapping[str, str], addresses: Addresses) -> dict[str, str]:
    """Return what only the Prefect server gets: its own database."""
    url = addresses.prefect_database.replace("postgresql://", "postgresql+asyncpg://", 1)
    return {**environment, **_PREFECT_SERVER, "PREFECT_SERVER_DATABASE_CONNECTION_URL": url}
