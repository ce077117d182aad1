"""The engine: leases, browser pool, form engine, adapters. Knows nothing of Prefect (but for `prefect_worker`)."""
