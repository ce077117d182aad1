"""The embedded stack: real Postgres, SQS server, Prefect server, sample sites and workers on one machine."""
