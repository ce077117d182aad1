"""The sample directories: small, different, realistic sites on one local server, each with a ledger."""
