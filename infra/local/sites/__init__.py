"""The sample directories: small, different, realistic sites on one local server, each with a ledger.

    python -m infra.local.sites --port 8800

Each site answers at `http://<site>.localhost:PORT/`. One file holds a family of sites, `pages/` their templates;
`catalogue.py` lists them with the outcome that each was designed for; `ledger.py` is the judge of the tests.
"""
