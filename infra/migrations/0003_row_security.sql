-- Who may see which row. service_role works; authenticated reads its own customer's rows; anon sees nothing.

-- up

-- Whose rows the signed-in user may read: the customer that carries the user's id.
CREATE FUNCTION current_customer_v1() RETURNS uuid
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT id FROM customers
    WHERE user_id = (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
$$;
GRANT EXECUTE ON FUNCTION current_customer_v1() TO authenticated;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['customers', 'directories', 'jobs', 'job_results', 'intents', 'rate_limits',
                                'worker_heartbeats', 'queue_history'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, anon, authenticated, service_role', name);
    END LOOP;

    FOREACH name IN ARRAY ARRAY['customers', 'directories', 'jobs', 'job_results', 'intents', 'rate_limits',
                                'worker_heartbeats'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO service_role', name);
        EXECUTE format('CREATE POLICY service_works ON %I TO service_role USING (true) WITH CHECK (true)', name);
    END LOOP;

    FOREACH name IN ARRAY ARRAY['jobs', 'job_results', 'intents', 'queue_history'] LOOP
        EXECUTE format('GRANT SELECT ON %I TO authenticated', name);
        EXECUTE format('CREATE POLICY customer_reads ON %I FOR SELECT TO authenticated '
                       'USING (customer_id = (SELECT current_customer_v1()))', name);
    END LOOP;
END
$$;

GRANT SELECT ON customers TO authenticated;
CREATE POLICY customer_reads ON customers FOR SELECT TO authenticated
    USING (user_id = (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid);

-- Append-only for the application: neither a grant nor a policy lets it change or delete history.
GRANT SELECT, INSERT ON queue_history TO service_role;
CREATE POLICY service_reads ON queue_history FOR SELECT TO service_role USING (true);
CREATE POLICY service_appends ON queue_history FOR INSERT TO service_role WITH CHECK (true);

-- down
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT tablename, policyname FROM pg_policies
               WHERE schemaname = 'public' AND tablename <> 'schema_migrations' LOOP
        EXECUTE format('DROP POLICY %I ON %I', one.policyname, one.tablename);
        EXECUTE format('REVOKE ALL ON %I FROM authenticated, service_role', one.tablename);
    END LOOP;
END
$$;
DROP FUNCTION current_customer_v1();
