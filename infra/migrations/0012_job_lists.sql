-- What an operator sees of the latest jobs.

-- up

CREATE INDEX jobs_created ON jobs (created_at DESC, id);

-- The latest `max_jobs` jobs, newest first, each with the number of its submissions by state and without its profile.
CREATE FUNCTION list_jobs_v1(max_jobs integer) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', one.id, 'customer', customers.reference, 'state', one.state, 'package', one.package,
        'priority', one.priority, 'created_at', one.created_at,
        'submissions', (
            SELECT coalesce(jsonb_object_agg(counted.state, counted.count), '{}')
            FROM (SELECT state, count(*) FROM job_results WHERE job_results.job_id = one.id GROUP BY state) AS counted)
        ) ORDER BY one.created_at DESC, one.id), '[]')
    FROM (SELECT * FROM jobs ORDER BY created_at DESC, id LIMIT max_jobs) AS one
         JOIN customers ON customers.id = one.customer_id
$$;

GRANT EXECUTE ON FUNCTION list_jobs_v1(integer) TO service_role;

-- down
DROP FUNCTION list_jobs_v1(integer);
DROP INDEX jobs_created;
