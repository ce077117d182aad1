-- Hints: the row is the truth, the message only says "look at it". The sweep sends again what was lost.

-- up

-- This hint reached the queue. Answers true.
CREATE FUNCTION hint_sent_v1(job_id uuid, hint integer) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE jobs
    SET hint_sent_at = now(), hint_taken_until = NULL, hints_unanswered = hints_unanswered + 1
    WHERE jobs.id = hint_sent_v1.job_id AND jobs.hint = hint_sent_v1.hint AND hint_sent_at IS NULL;
    RETURN to_jsonb(true);
END
$$;

-- Number and return the hints that have to be sent (again), at most `max_hints`, most urgent first.
-- A hint that led to no claim is sent again after `rehint_after` seconds, then after twice that, up to eight times:
-- a long queue or a missing worker must not be answered with a flood. Of two sweeps at once each job goes to one: the
-- sweep that got the hint has five seconds to send it.
CREATE FUNCTION due_hints_v1(rehint_after double precision, max_hints integer) RETURNS jsonb
LANGUAGE sql SET search_path = public, pg_temp AS $$
    WITH due AS (
        SELECT id FROM jobs
        WHERE state = 'pending' AND not_before <= now()
          AND (hint_taken_until IS NULL OR hint_taken_until <= now())
          AND (hint_sent_at IS NULL
               OR hint_sent_at <= now() - make_interval(
                      secs => rehint_after * least(8, 2 ^ greatest(0, least(hints_unanswered, 10) - 1))))
        ORDER BY priority, not_before
        LIMIT max_hints
        FOR UPDATE SKIP LOCKED
    ), numbered AS (
        UPDATE jobs
        SET hint = hint + 1, hint_sent_at = NULL, hint_taken_until = now() + interval '5 seconds'
        FROM due WHERE jobs.id = due.id
        RETURNING jobs.*
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'job_id', id, 'number', hint, 'priority', priority, 'correlation_id', correlation_id)
               ORDER BY priority, not_before), '[]')
    FROM numbered
$$;

-- What a received hint is worth: "dispatch", "unknown_job" or "drop". An older number is worth as much as the newest:
-- with a long queue the newest is always behind. A dispatch is noted, and proves that the hint was sent.
CREATE FUNCTION dispatch_job_v1(job_id uuid, hint integer) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    job jobs;
BEGIN
    SELECT * INTO job FROM jobs WHERE jobs.id = dispatch_job_v1.job_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN to_jsonb('unknown_job'::text);
    END IF;
    IF (job.state = 'pending' AND job.not_before <= now()) OR (job.state = 'in_progress' AND job.lease_until <= now()) THEN
        UPDATE jobs
        SET dispatched_at = now(),
            hint_sent_at = CASE WHEN jobs.hint = dispatch_job_v1.hint THEN coalesce(hint_sent_at, now())
                                ELSE hint_sent_at END
        WHERE jobs.id = job.id;
        RETURN to_jsonb('dispatch'::text);
    END IF;
    RETURN to_jsonb('drop'::text);
END
$$;

-- Count the jobs in progress under a live lease, or dispatched within `dispatch_grace` seconds and unclaimed.
CREATE FUNCTION count_in_flight_v1(dispatch_grace double precision) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT to_jsonb(
        (SELECT count(*) FROM jobs WHERE state = 'in_progress' AND lease_until > now())
        + (SELECT count(*) FROM jobs
           WHERE state = 'pending' AND dispatched_at IS NOT NULL
             AND dispatched_at > now() - make_interval(secs => dispatch_grace)))
$$;

GRANT EXECUTE ON FUNCTION
    hint_sent_v1(uuid, integer), due_hints_v1(double precision, integer), dispatch_job_v1(uuid, integer),
    count_in_flight_v1(double precision)
TO service_role;

-- down
DROP FUNCTION count_in_flight_v1(double precision);
DROP FUNCTION dispatch_job_v1(uuid, integer);
DROP FUNCTION due_hints_v1(double precision, integer);
DROP FUNCTION hint_sent_v1(uuid, integer);
