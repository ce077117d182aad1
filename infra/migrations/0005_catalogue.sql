-- The catalogue: all directories that we know.

-- up

-- One directory as the application reads it.
CREATE FUNCTION directory_json_v1(one directories) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT jsonb_build_object(
        'id', one.id, 'name', one.name, 'site', one.site, 'submission_url', one.submission_url,
        'status', one.status, 'category', one.category, 'domain_authority', one.domain_authority,
        'method', one.method, 'trust', one.trust, 'pace', one.pace, 'allows_automation', one.allows_automation)
$$;

-- Insert or update by id; a status that is set stays. `items` as in directory_json_v1; of two with one id the last counts.
-- Answers {"new": n, "changed": n}.
CREATE FUNCTION import_directories_v1(items jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = public, pg_temp AS $$
    WITH incoming AS (
        SELECT DISTINCT ON (one.id) one.*
        FROM jsonb_array_elements(items) WITH ORDINALITY AS element (value, number),
             jsonb_populate_record(NULL::directories, element.value) AS one
        ORDER BY one.id, element.number DESC
    ), changed AS (
        UPDATE directories AS old
        SET name = new.name, site = new.site, submission_url = new.submission_url, category = new.category,
            domain_authority = new.domain_authority, method = new.method, trust = new.trust, pace = new.pace,
            allows_automation = new.allows_automation, updated_at = now()
        FROM incoming AS new
        WHERE old.id = new.id
          AND (old.name, old.site, old.submission_url, old.category, old.domain_authority, old.method, old.trust,
               old.pace, old.allows_automation)
              IS DISTINCT FROM
              (new.name, new.site, new.submission_url, new.category, new.domain_authority, new.method, new.trust,
               new.pace, new.allows_automation)
        RETURNING old.id
    ), inserted AS (
        INSERT INTO directories (id, name, site, submission_url, status, category, domain_authority, method, trust,
                                 pace, allows_automation)
        SELECT id, name, site, submission_url, status, category, domain_authority, method, trust, pace,
               allows_automation
        FROM incoming
        ON CONFLICT (id) DO NOTHING
        RETURNING id
    )
    SELECT jsonb_build_object('new', (SELECT count(*) FROM inserted), 'changed', (SELECT count(*) FROM changed))
$$;

-- All directories, or those with one status: best domain authority first.
CREATE FUNCTION list_directories_v1(status text DEFAULT NULL) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(directory_json_v1(one) ORDER BY one.domain_authority DESC, one.id), '[]')
    FROM directories AS one
    WHERE list_directories_v1.status IS NULL OR one.status = list_directories_v1.status::directory_status
$$;

-- One directory, or null.
CREATE FUNCTION read_directory_v1(directory text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT directory_json_v1(one) FROM directories AS one WHERE one.id = directory
$$;

-- Answers false when there is no such directory.
CREATE FUNCTION set_directory_status_v1(directory text, status text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE directories AS one
    SET status = set_directory_status_v1.status::directory_status, updated_at = now()
    WHERE one.id = directory;
    RETURN to_jsonb(FOUND);
END
$$;

-- Reserve the next visit to a directory, over all processes; answers the seconds to wait for it.
-- A wait longer than the limit is answered without reserving anything.
CREATE FUNCTION take_turn_v1(directory text, pace double precision, wait_limit double precision) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    visit timestamptz;
    moment timestamptz;
BEGIN
    INSERT INTO rate_limits (directory_id, next_visit_at) VALUES (directory, '-infinity')
    ON CONFLICT (directory_id) DO NOTHING;
    SELECT next_visit_at INTO visit FROM rate_limits WHERE directory_id = directory FOR UPDATE;
    moment := clock_timestamp();  -- after the lock: others may have had their turns while we waited for it
    visit := greatest(visit, moment);
    IF visit - moment <= make_interval(secs => wait_limit) THEN
        UPDATE rate_limits SET next_visit_at = visit + make_interval(secs => pace) WHERE directory_id = directory;
    END IF;
    RETURN to_jsonb(extract(epoch FROM visit - moment)::double precision);
END
$$;

GRANT EXECUTE ON FUNCTION
    directory_json_v1(directories), import_directories_v1(jsonb), list_directories_v1(text), read_directory_v1(text),
    set_directory_status_v1(text, text), take_turn_v1(text, double precision, double precision)
TO service_role;

-- down
DROP FUNCTION take_turn_v1(text, double precision, double precision);
DROP FUNCTION set_directory_status_v1(text, text);
DROP FUNCTION read_directory_v1(text);
DROP FUNCTION list_directories_v1(text);
DROP FUNCTION import_directories_v1(jsonb);
DROP FUNCTION directory_json_v1(directories);
