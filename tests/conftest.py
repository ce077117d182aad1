"""Fixtures that all tests share; each noun has its own file in `tests/fixtures`."""

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.sqs",
    "tests.fixtures.sites",
    "tests.fixtures.browser",
    "tests.fixtures.prefect",
    "tests.fixtures.stack",
]
