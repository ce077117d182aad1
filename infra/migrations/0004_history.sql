-- Every transition has exactly one history row, in the same transaction: triggers write it, so no function can forget.

-- up

-- A job moved, or changed hands.
CREATE FUNCTION note_job_v1() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO queue_history (event, job_id, customer_id, from_state, to_state, lease_epoch, worker_id)
    VALUES (NEW.last_event, NEW.id, NEW.customer_id,
            CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state, NEW.lease_epoch, NEW.worker_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER job_enqueued AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION note_job_v1();
CREATE TRIGGER job_moved AFTER UPDATE ON jobs FOR EACH ROW
    WHEN ((OLD.state, OLD.lease_epoch, OLD.is_cancelling) IS DISTINCT FROM (NEW.state, NEW.lease_epoch, NEW.is_cancelling))
    EXECUTE FUNCTION note_job_v1();

-- A submission moved. Its planning is told by the job's own row. Why is told by the reason alone: the message quotes
-- the directory's page, which may show people's names, and history cannot be changed and outlives its jobs.
CREATE FUNCTION note_submission_v1() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO queue_history (event, job_id, customer_id, directory_id, from_state, to_state, reason,
                               lease_epoch, worker_id)
    SELECT 'submission.' || NEW.state, NEW.job_id, NEW.customer_id, NEW.directory_id, OLD.state, NEW.state, NEW.reason,
           jobs.lease_epoch, jobs.worker_id
    FROM jobs WHERE jobs.id = NEW.job_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER submission_moved AFTER UPDATE ON job_results FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION note_submission_v1();

-- Append to the history what happened to a message of the queue. Answers true.
CREATE FUNCTION note_message_v1(queue text, message_id text, event text, job_id uuid, detail text) RETURNS jsonb
LANGUAGE sql SET search_path = public, pg_temp AS $$
    INSERT INTO queue_history (event, job_id, queue, message_id, detail)
    VALUES (note_message_v1.event, note_message_v1.job_id, note_message_v1.queue, note_message_v1.message_id,
            note_message_v1.detail)
    RETURNING to_jsonb(true)
$$;
GRANT EXECUTE ON FUNCTION note_message_v1(text, text, text, uuid, text) TO service_role;

-- down
DROP FUNCTION note_message_v1(text, text, text, uuid, text);
DROP TRIGGER submission_moved ON job_results;
DROP TRIGGER job_moved ON jobs;
DROP TRIGGER job_enqueued ON jobs;
DROP FUNCTION note_submission_v1();
DROP FUNCTION note_job_v1();
