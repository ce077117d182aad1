-- Whether anybody is there to work.

-- up

-- The pages that the workers with a sign of life within so many seconds may have open together.
CREATE FUNCTION count_slots_v1(within double precision) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT to_jsonb(coalesce(sum(slots), 0)::integer)
    FROM worker_heartbeats
    WHERE beat_at > now() - make_interval(secs => within)
$$;

GRANT EXECUTE ON FUNCTION count_slots_v1(double precision) TO service_role;

-- down
DROP FUNCTION count_slots_v1(double precision);
