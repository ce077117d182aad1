-- Who works, for health and for people.

-- up

-- The worker's sign of life. Answers true.
CREATE FUNCTION worker_beat_v1(worker_id text, slots integer, busy integer, jobs integer) RETURNS jsonb
LANGUAGE sql SET search_path = public, pg_temp AS $$
    INSERT INTO worker_heartbeats (worker_id, slots, busy, jobs)
    VALUES (worker_beat_v1.worker_id, worker_beat_v1.slots, worker_beat_v1.busy, worker_beat_v1.jobs)
    ON CONFLICT (worker_id) DO UPDATE
    SET slots = excluded.slots, busy = excluded.busy, jobs = excluded.jobs, beat_at = now()
    RETURNING to_jsonb(true)
$$;

-- Answers true: the database does, and the schema is there.
CREATE FUNCTION ping_v1() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT to_jsonb(true)
$$;

GRANT EXECUTE ON FUNCTION worker_beat_v1(text, integer, integer, integer), ping_v1() TO service_role;

-- down
DROP FUNCTION ping_v1();
DROP FUNCTION worker_beat_v1(text, integer, integer, integer);
