-- Attempts, intents and outcomes. Every write compares job, epoch and state with the lease and changes nothing when
-- somebody else has the job.

-- up

-- Whether this epoch holds the job. The row stays as it is until the transaction ends: no claim, sweep or settle
-- comes in between, while other submissions of the same job go on.
CREATE FUNCTION holds_lease_v1(job_id uuid, epoch integer) RETURNS boolean
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM jobs
    WHERE jobs.id = holds_lease_v1.job_id AND lease_epoch = epoch AND state = 'in_progress'
    FOR SHARE;
    RETURN FOUND;
END
$$;

-- Count an attempt. Answers its number from 1, or null when the lease was lost or the submission is not open.
CREATE FUNCTION begin_attempt_v1(job_id uuid, epoch integer, directory text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    number integer;
BEGIN
    IF NOT holds_lease_v1(job_id, epoch) THEN
        RETURN NULL;
    END IF;
    UPDATE job_results
    SET state = 'planned', attempts = attempts + 1, attempting_since = now(), not_before = NULL, updated_at = now()
    WHERE job_results.job_id = begin_attempt_v1.job_id AND directory_id = directory AND state IN ('planned', 'deferred')
    RETURNING attempts INTO number;
    RETURN to_jsonb(number);
END
$$;

-- Commit the decision to click. Answers "committed", "lease_lost", "not_active", "already_submitted" or
-- "earlier_unresolved". Whoever pauses the directory waits for the commit, or the commit sees the pause.
-- Unique for customer and directory; the same call sent again (same token) is "committed" again.
CREATE FUNCTION commit_intent_v1(job_id uuid, epoch integer, directory text, token uuid) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    submission job_results;
    earlier intents;
BEGIN
    IF NOT holds_lease_v1(job_id, epoch) THEN
        RETURN to_jsonb('lease_lost'::text);
    END IF;
    SELECT * INTO submission FROM job_results
    WHERE job_results.job_id = commit_intent_v1.job_id AND directory_id = directory FOR UPDATE;
    IF submission.state IN ('planned', 'deferred') THEN
        PERFORM FROM directories WHERE id = directory AND status = 'active' AND allows_automation FOR SHARE;
        IF NOT FOUND THEN
            RETURN to_jsonb('not_active'::text);
        END IF;
        INSERT INTO intents (customer_id, directory_id, job_id, lease_epoch, token)
        VALUES (submission.customer_id, directory, submission.job_id, epoch, commit_intent_v1.token)
        ON CONFLICT (customer_id, directory_id) WHERE voided_at IS NULL DO NOTHING;
        IF FOUND THEN
            UPDATE job_results SET state = 'submitting', not_before = NULL, updated_at = now()
            WHERE job_results.job_id = submission.job_id AND directory_id = directory;
            RETURN to_jsonb('committed'::text);
        END IF;
    ELSIF submission.state IS DISTINCT FROM 'submitting' THEN
        RETURN to_jsonb('lease_lost'::text);  -- closed, or not part of the job: no click is this worker's to make
    END IF;
    SELECT * INTO earlier FROM intents
    WHERE customer_id = submission.customer_id AND directory_id = directory AND voided_at IS NULL;
    RETURN to_jsonb(CASE
        WHEN earlier.token = commit_intent_v1.token AND earlier.outcome IS NULL THEN 'committed'
        WHEN earlier.outcome IN ('submitted', 'rejected', 'skipped') THEN 'already_submitted'
        ELSE 'earlier_unresolved' END);
END
$$;

-- Take the intent back because the click provably sent nothing; the submission is planned again. Answers false when
-- the lease was lost or this epoch has no intent there.
CREATE FUNCTION void_intent_v1(job_id uuid, epoch integer, directory text, proof text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT holds_lease_v1(job_id, epoch) THEN
        RETURN to_jsonb(false);
    END IF;
    UPDATE job_results SET state = 'planned', updated_at = now()
    WHERE job_results.job_id = void_intent_v1.job_id AND directory_id = directory AND state = 'submitting';
    UPDATE intents SET voided_at = now(), void_proof = proof
    WHERE intents.job_id = void_intent_v1.job_id AND directory_id = directory AND lease_epoch = epoch
      AND outcome IS NULL AND voided_at IS NULL;
    RETURN to_jsonb(EXISTS (
        SELECT FROM intents
        WHERE intents.job_id = void_intent_v1.job_id AND directory_id = directory AND lease_epoch = epoch
          AND outcome IS NULL AND void_proof = proof));
END
$$;

-- Write an outcome. `result` holds state, reason, message, screenshot, final_url, confirmation, listing_url, seconds
-- and (for deferred) delay in seconds. Answers false when the lease was lost; the same call sent again answers true.
--
-- An outcome resolves the intent that is open. "Nothing was sent" (deferred, failed) is not believed while an intent
-- stands: that is unknown. A refusal of what was entered proves that there is no listing: the pair is free again.
CREATE FUNCTION record_outcome_v1(job_id uuid, epoch integer, directory text, result jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    given job_results := jsonb_populate_record(NULL::job_results, result);
    old job_results;
    is_freed boolean := given.state = 'rejected' AND given.reason = 'validation_refused';
BEGIN
    IF NOT holds_lease_v1(job_id, epoch) THEN
        RETURN to_jsonb(false);
    END IF;
    SELECT * INTO old FROM job_results
    WHERE job_results.job_id = record_outcome_v1.job_id AND directory_id = directory FOR UPDATE;
    IF old.state IS NULL OR old.state NOT IN ('planned', 'deferred', 'submitting') THEN
        RETURN to_jsonb(coalesce(old.reason = given.reason AND old.message = given.message, false));
    END IF;
    IF old.state = 'submitting' AND given.state IN ('deferred', 'failed') THEN
        given.state := 'unknown';
    END IF;

    UPDATE job_results
    SET state = given.state, reason = given.reason, message = given.message, screenshot = given.screenshot,
        final_url = given.final_url, confirmation = given.confirmation, listing_url = given.listing_url,
        seconds = given.seconds, attempting_since = NULL, updated_at = now(),
        not_before = CASE WHEN given.state = 'deferred'
                          THEN now() + make_interval(secs => (result ->> 'delay')::double precision) END
    WHERE job_results.job_id = old.job_id AND directory_id = directory;

    IF old.state = 'submitting' THEN
        UPDATE intents
        SET outcome = given.state, reason = given.reason, resolved_at = now(),
            voided_at = CASE WHEN is_freed THEN now() END, void_proof = CASE WHEN is_freed THEN given.message END
        WHERE intents.job_id = old.job_id AND directory_id = directory AND outcome IS NULL AND voided_at IS NULL;
    ELSIF given.state IN ('submitted', 'unknown') THEN
        -- Sent past the gate, which must never happen; the pair is taken all the same.
        INSERT INTO intents (customer_id, directory_id, job_id, lease_epoch, token, outcome, reason, resolved_at)
        VALUES (old.customer_id, directory, old.job_id, epoch, gen_random_uuid(), given.state, given.reason, now())
        ON CONFLICT (customer_id, directory_id) WHERE voided_at IS NULL DO NOTHING;
    END IF;
    RETURN to_jsonb(true);
END
$$;

GRANT EXECUTE ON FUNCTION
    holds_lease_v1(uuid, integer), begin_attempt_v1(uuid, integer, text), commit_intent_v1(uuid, integer, text, uuid),
    void_intent_v1(uuid, integer, text, text), record_outcome_v1(uuid, integer, text, jsonb)
TO service_role;

-- down
DROP FUNCTION record_outcome_v1(uuid, integer, text, jsonb);
DROP FUNCTION void_intent_v1(uuid, integer, text, text);
DROP FUNCTION commit_intent_v1(uuid, integer, text, uuid);
DROP FUNCTION begin_attempt_v1(uuid, integer, text);
DROP FUNCTION holds_lease_v1(uuid, integer);
