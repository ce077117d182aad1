-- Leases: who may work on a job, until when, and what becomes of it afterwards.
-- Locks are always taken in one order: the job, then its submissions, then their intents.

-- up

-- Intents without an outcome become unknown, and their submissions too: nobody knows what the click did.
-- Returns how many.
CREATE FUNCTION lose_intents_v1(job_id uuid) RETURNS integer
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    lost integer;
BEGIN
    UPDATE job_results
    SET state = 'unknown', reason = 'worker_lost', message = 'The worker was lost between the click and the answer.',
        attempting_since = NULL, updated_at = now()
    WHERE job_results.job_id = lose_intents_v1.job_id AND state = 'submitting';
    GET DIAGNOSTICS lost = ROW_COUNT;
    UPDATE intents
    SET outcome = 'unknown', reason = 'worker_lost', resolved_at = now()
    WHERE intents.job_id = lose_intents_v1.job_id AND outcome IS NULL AND voided_at IS NULL;
    RETURN lost;
END
$$;

-- Whatever is still open ends in this state, for this reason.
CREATE FUNCTION close_open_v1(job_id uuid, state submission_state, reason text, message text) RETURNS void
LANGUAGE sql SET search_path = public, pg_temp AS $$
    UPDATE job_results
    SET state = close_open_v1.state, reason = close_open_v1.reason, message = close_open_v1.message,
        not_before = NULL, attempting_since = NULL, updated_at = now()
    WHERE job_results.job_id = close_open_v1.job_id AND job_results.state IN ('planned', 'deferred')
$$;

-- What the submissions make of their job: any open one pending, else any failed one failed, else completed.
CREATE FUNCTION judge_job_v1(job_id uuid) RETURNS job_state
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN bool_or(state IN ('planned', 'deferred')) THEN 'pending'
                WHEN bool_or(state = 'failed') THEN 'failed'
                ELSE 'completed' END::job_state
    FROM job_results WHERE job_results.job_id = judge_job_v1.job_id
$$;

-- End a job, or give it back (`next` = pending, due at `due`; its next hint is due then as well). When its worker was
-- lost the epoch moves on, so that a worker that was only paused finds its lease lost.
CREATE FUNCTION move_job_v1(
    job_id uuid, next job_state, event text, due timestamptz DEFAULT now(), was_lost boolean DEFAULT false
) RETURNS void
LANGUAGE sql SET search_path = public, pg_temp AS $$
    UPDATE jobs
    SET state = next, last_event = event, lease_until = NULL, is_cancelling = false,
        not_before = due, finished_at = CASE WHEN next <> 'pending' THEN now() END,
        hint_sent_at = NULL, hint_taken_until = NULL, hints_unanswered = 0, dispatched_at = NULL,
        lease_epoch = lease_epoch + was_lost::integer, recoveries = recoveries + was_lost::integer
    WHERE jobs.id = move_job_v1.job_id
$$;

-- End a job that lost its worker when it shall not go on: it is to be cancelled, or was taken back `max_recoveries`
-- times before, and then what is open in it fails. Returns its state, or null when it may go on. The attempts that the
-- lost worker had begun are used.
CREATE FUNCTION end_lost_v1(job jobs, max_recoveries integer) RETURNS job_state
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    ending job_state;
BEGIN
    UPDATE job_results SET attempting_since = NULL
    WHERE job_results.job_id = job.id AND attempting_since IS NOT NULL;
    IF job.is_cancelling THEN
        ending := 'cancelled';
        PERFORM close_open_v1(job.id, 'cancelled', NULL, ''),
                move_job_v1(job.id, ending, 'job.cancelled', was_lost => true);
    ELSIF job.recoveries >= max_recoveries THEN
        PERFORM close_open_v1(job.id, 'failed', 'internal_error',
                              format('The job lost its worker %s times.', job.recoveries + 1));
        ending := judge_job_v1(job.id);
        PERFORM move_job_v1(job.id, ending, 'job.given_up', was_lost => true);
    END IF;
    RETURN ending;
END
$$;

-- Take the job by compare-and-set, with a new epoch. Answers {"epoch": n, "job": job_json_v1} or {"refusal": why}.
-- A job whose lease is over is taken from its lost worker first, or ended (end_lost_v1). With `is_retry` a waiting job
-- is due now, and a failed one is opened again: its failed submissions are planned anew, everything else stays.
CREATE FUNCTION claim_job_v1(
    job_id uuid, worker_id text, lease double precision, is_retry boolean, max_recoveries integer
) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    job jobs;
BEGIN
    SELECT * INTO job FROM jobs WHERE jobs.id = claim_job_v1.job_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('refusal', 'unknown_job');
    ELSIF job.state = 'in_progress' AND job.lease_until > now() THEN
        RETURN jsonb_build_object('refusal', 'leased');
    ELSIF job.state = 'pending' AND job.not_before > now() AND NOT is_retry THEN
        RETURN jsonb_build_object('refusal', 'not_due');
    ELSIF job.state IN ('completed', 'cancelled') OR (job.state = 'failed' AND NOT is_retry) THEN
        RETURN jsonb_build_object('refusal', 'finished');
    END IF;

    IF job.state = 'in_progress' THEN
        PERFORM lose_intents_v1(job.id);
        IF end_lost_v1(job, max_recoveries) IS NOT NULL THEN
            RETURN jsonb_build_object('refusal', 'finished');
        END IF;
    ELSIF job.state = 'failed' THEN
        UPDATE job_results
        SET state = 'planned', attempts = 0, reason = NULL, message = '', not_before = NULL, updated_at = now()
        WHERE job_results.job_id = job.id AND state = 'failed';
        UPDATE jobs SET recoveries = 0 WHERE jobs.id = job.id;
        PERFORM move_job_v1(job.id, 'pending', 'job.reopened');
    END IF;
    UPDATE job_results
    SET state = 'planned', not_before = NULL, updated_at = now()
    WHERE job_results.job_id = job.id AND state = 'deferred' AND (not_before <= now() OR is_retry);

    UPDATE jobs
    SET state = 'in_progress', last_event = 'job.claimed', lease_epoch = lease_epoch + 1,
        lease_until = now() + make_interval(secs => lease), worker_id = claim_job_v1.worker_id,
        recoveries = recoveries + (job.state = 'in_progress')::integer, dispatched_at = NULL
    WHERE jobs.id = job.id
    RETURNING * INTO job;
    RETURN jsonb_build_object('epoch', job.lease_epoch, 'job', job_json_v1(job));
END
$$;

-- Prolong the lease. Answers "go_on", "cancelled" or "lost".
CREATE FUNCTION beat_job_v1(job_id uuid, epoch integer, extend double precision) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    is_cancelled boolean;
BEGIN
    UPDATE jobs SET lease_until = now() + make_interval(secs => extend)
    WHERE jobs.id = beat_job_v1.job_id AND lease_epoch = epoch AND state = 'in_progress'
    RETURNING is_cancelling INTO is_cancelled;
    RETURN to_jsonb(CASE WHEN NOT FOUND THEN 'lost' WHEN is_cancelled THEN 'cancelled' ELSE 'go_on' END);
END
$$;

-- End the lease and set the job's state from its submissions. Answers the state, or null when the lease was lost.
-- The same call sent again answers the state that it set: nobody took the job in between, or the epoch would be newer.
CREATE FUNCTION settle_job_v1(job_id uuid, epoch integer) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    job jobs;
    next job_state;
    due timestamptz;
BEGIN
    SELECT * INTO job FROM jobs WHERE jobs.id = settle_job_v1.job_id AND lease_epoch = epoch FOR UPDATE;
    IF job.state IS DISTINCT FROM 'in_progress' THEN
        RETURN to_jsonb(job.state);
    END IF;
    PERFORM lose_intents_v1(job.id);
    IF job.is_cancelling THEN
        PERFORM close_open_v1(job.id, 'cancelled', NULL, ''), move_job_v1(job.id, 'cancelled', 'job.cancelled');
        RETURN to_jsonb('cancelled'::text);
    END IF;
    next := judge_job_v1(job.id);
    SELECT min(coalesce(not_before, now())) INTO due
    FROM job_results WHERE job_results.job_id = job.id AND state IN ('planned', 'deferred');
    PERFORM move_job_v1(job.id, next, 'job.settled', coalesce(due, now()));
    RETURN to_jsonb(next);
END
$$;

-- Give the job back at once: due now, attempts that were begun and have not ended not counted. Answers the state (it is
-- cancelled when that was asked for), or null when the lease was lost; the same call sent again answers alike.
CREATE FUNCTION release_job_v1(job_id uuid, epoch integer) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    job jobs;
BEGIN
    SELECT * INTO job FROM jobs WHERE jobs.id = release_job_v1.job_id AND lease_epoch = epoch FOR UPDATE;
    IF job.state IS DISTINCT FROM 'in_progress' THEN
        RETURN to_jsonb(job.state);
    END IF;
    PERFORM lose_intents_v1(job.id);
    IF job.is_cancelling THEN
        PERFORM close_open_v1(job.id, 'cancelled', NULL, ''), move_job_v1(job.id, 'cancelled', 'job.cancelled');
        RETURN to_jsonb('cancelled'::text);
    END IF;
    UPDATE job_results SET attempts = attempts - 1, attempting_since = NULL, updated_at = now()
    WHERE job_results.job_id = job.id AND attempting_since IS NOT NULL;
    PERFORM move_job_v1(job.id, 'pending', 'job.released');
    RETURN to_jsonb('pending'::text);
END
$$;

-- Cancel: a job that nobody holds at once, one in progress at its worker's next heartbeat. Answers the state that it
-- has now, or null when there is no such job.
CREATE FUNCTION cancel_job_v1(job_id uuid) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    job jobs;
BEGIN
    SELECT * INTO job FROM jobs WHERE jobs.id = cancel_job_v1.job_id FOR UPDATE;
    IF job.state = 'in_progress' AND job.lease_until > now() THEN
        UPDATE jobs SET is_cancelling = true, last_event = 'job.cancel_requested'
        WHERE jobs.id = job.id AND NOT is_cancelling;
    ELSIF job.state IN ('pending', 'in_progress') THEN
        PERFORM lose_intents_v1(job.id), close_open_v1(job.id, 'cancelled', NULL, ''),
                move_job_v1(job.id, 'cancelled', 'job.cancelled');
        job.state := 'cancelled';
    END IF;
    RETURN to_jsonb(job.state);
END
$$;

-- Take back jobs whose lease is over, oldest first, or end them (end_lost_v1); two sweeps at once share them.
-- Answers [{"job_id", "state", "unknown": submissions whose click nobody knows about}].
CREATE FUNCTION recover_stale_v1(max_recoveries integer, max_jobs integer) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    job jobs;
    next job_state;
    lost integer;
    done jsonb := '[]';
BEGIN
    FOR job IN
        SELECT * FROM jobs WHERE state = 'in_progress' AND lease_until <= now()
        ORDER BY lease_until LIMIT max_jobs FOR UPDATE SKIP LOCKED
    LOOP
        lost := lose_intents_v1(job.id);
        next := end_lost_v1(job, max_recoveries);
        IF next IS NULL THEN
            next := 'pending';
            PERFORM move_job_v1(job.id, next, 'job.recovered', was_lost => true);
        END IF;
        done := done || jsonb_build_object('job_id', job.id, 'state', next, 'unknown', lost);
    END LOOP;
    RETURN done;
END
$$;

GRANT EXECUTE ON FUNCTION
    lose_intents_v1(uuid), close_open_v1(uuid, submission_state, text, text), judge_job_v1(uuid),
    move_job_v1(uuid, job_state, text, timestamptz, boolean), end_lost_v1(jobs, integer),
    claim_job_v1(uuid, text, double precision, boolean, integer),
    beat_job_v1(uuid, integer, double precision), settle_job_v1(uuid, integer), release_job_v1(uuid, integer),
    cancel_job_v1(uuid), recover_stale_v1(integer, integer)
TO service_role;

-- down
DROP FUNCTION recover_stale_v1(integer, integer);
DROP FUNCTION cancel_job_v1(uuid);
DROP FUNCTION release_job_v1(uuid, integer);
DROP FUNCTION settle_job_v1(uuid, integer);
DROP FUNCTION beat_job_v1(uuid, integer, double precision);
DROP FUNCTION claim_job_v1(uuid, text, double precision, boolean, integer);
DROP FUNCTION end_lost_v1(jobs, integer);
DROP FUNCTION move_job_v1(uuid, job_state, text, timestamptz, boolean);
DROP FUNCTION judge_job_v1(uuid);
DROP FUNCTION close_open_v1(uuid, submission_state, text, text);
DROP FUNCTION lose_intents_v1(uuid);
