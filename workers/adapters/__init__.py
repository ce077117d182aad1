"""The outside world: Postgres, Supabase, SQS, files; and the in-memory twins."""
