-- Orders become jobs.

-- up

-- A job with its submissions, as the application reads it.
CREATE FUNCTION job_json_v1(one jobs) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT jsonb_build_object(
        'id', one.id, 'customer_id', one.customer_id, 'state', one.state, 'package', one.package,
        'priority', one.priority, 'profile', one.profile, 'lease_epoch', one.lease_epoch,
        'recoveries', one.recoveries, 'created_at', one.created_at, 'correlation_id', one.correlation_id,
        'not_before', CASE WHEN one.state = 'pending' THEN one.not_before END,
        'customer', (SELECT reference FROM customers WHERE customers.id = one.customer_id),
        'submissions', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'directory', directory_json_v1(directories), 'state', result.state, 'attempts', result.attempts,
                'reason', result.reason, 'message', result.message, 'screenshot', result.screenshot,
                'final_url', result.final_url, 'confirmation', result.confirmation,
                'listing_url', result.listing_url, 'not_before', result.not_before, 'seconds', result.seconds
            ) ORDER BY result.position), '[]')
            FROM job_results AS result JOIN directories ON directories.id = result.directory_id
            WHERE result.job_id = one.id))
$$;

-- The job with its submissions, or null.
CREATE FUNCTION read_job_v1(job_id uuid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT job_json_v1(jobs) FROM jobs WHERE jobs.id = read_job_v1.job_id
$$;

-- What an order gets back: the job that it became or, by its key, became before.
CREATE FUNCTION enqueued_json_v1(one jobs, is_new boolean) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT jsonb_build_object(
        'job_id', one.id, 'is_new', is_new, 'priority', one.priority, 'hint', one.hint,
        'correlation_id', one.correlation_id,
        'directories', (SELECT count(*) FROM job_results WHERE job_results.job_id = one.id))
$$;

-- Store a job and its submissions, with its first hint due. Either `directories` names them, or the `size` best ones
-- that are active are taken. The caller makes `job_id`, so that the same call sent again finds its job.
-- Answers enqueued_json_v1, or {"refusal": "idempotency_conflict"} or
-- {"refusal": "directories", "unknown": [id], "unavailable": {id: status}}; nothing is stored then.
CREATE FUNCTION enqueue_job_v1(
    job_id uuid, customer text, package text, size integer, priority integer, profile jsonb, directories text[],
    idempotency_key text, body_hash text, correlation_id text
) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    buyer uuid;
    job jobs;
    chosen text[];
    unknown jsonb;
    unavailable jsonb;
BEGIN
    SELECT id INTO buyer FROM customers WHERE reference = customer;
    SELECT * INTO job FROM jobs AS one
    WHERE one.id = enqueue_job_v1.job_id
       OR (one.customer_id = buyer AND one.idempotency_key = enqueue_job_v1.idempotency_key);
    IF NOT FOUND THEN
        SELECT jsonb_agg(named ORDER BY number) FILTER (WHERE one.id IS NULL),
               jsonb_object_agg(named, one.status) FILTER (WHERE one.status <> 'active'),
               array_agg(named ORDER BY number)
        INTO unknown, unavailable, chosen
        FROM (SELECT named, min(number) AS number
              FROM unnest(enqueue_job_v1.directories) WITH ORDINALITY AS given (named, number)
              GROUP BY named) AS wanted
             LEFT JOIN directories AS one ON one.id = named;
        IF chosen IS NULL THEN
            SELECT array_agg(id ORDER BY domain_authority DESC, id) INTO chosen
            FROM (SELECT id, domain_authority FROM directories WHERE status = 'active' AND allows_automation
                  ORDER BY domain_authority DESC, id LIMIT size) AS best;
        END IF;
        IF unknown IS NOT NULL OR unavailable IS NOT NULL OR chosen IS NULL THEN
            RETURN jsonb_build_object('refusal', 'directories', 'unknown', coalesce(unknown, '[]'),
                                      'unavailable', coalesce(unavailable, '{}'));
        END IF;

        INSERT INTO customers (reference) VALUES (customer) ON CONFLICT (reference) DO NOTHING;
        SELECT id INTO buyer FROM customers WHERE reference = customer;
        INSERT INTO jobs (id, customer_id, package, priority, profile, correlation_id, idempotency_key, body_hash)
        VALUES (enqueue_job_v1.job_id, buyer, enqueue_job_v1.package::package, enqueue_job_v1.priority,
                enqueue_job_v1.profile, enqueue_job_v1.correlation_id, enqueue_job_v1.idempotency_key,
                enqueue_job_v1.body_hash)
        ON CONFLICT DO NOTHING
        RETURNING * INTO job;
        IF FOUND THEN
            INSERT INTO job_results (job_id, directory_id, customer_id, position)
            SELECT job.id, named, buyer, number FROM unnest(chosen) WITH ORDINALITY AS plan (named, number);
            RETURN enqueued_json_v1(job, true);
        END IF;
        -- Another order with this key came in at the same moment.
        SELECT * INTO STRICT job FROM jobs AS one
        WHERE one.id = enqueue_job_v1.job_id
           OR (one.customer_id = buyer AND one.idempotency_key = enqueue_job_v1.idempotency_key);
    END IF;
    IF job.body_hash <> enqueue_job_v1.body_hash THEN
        RETURN jsonb_build_object('refusal', 'idempotency_conflict');
    END IF;
    RETURN enqueued_json_v1(job, job.id = enqueue_job_v1.job_id);
END
$$;

GRANT EXECUTE ON FUNCTION
    job_json_v1(jobs), read_job_v1(uuid), enqueued_json_v1(jobs, boolean),
    enqueue_job_v1(uuid, text, text, integer, integer, jsonb, text[], text, text, text)
TO service_role;

-- down
DROP FUNCTION enqueue_job_v1(uuid, text, text, integer, integer, jsonb, text[], text, text, text);
DROP FUNCTION enqueued_json_v1(jobs, boolean);
DROP FUNCTION read_job_v1(uuid);
DROP FUNCTION job_json_v1(jobs);
