-- The roles that PostgREST switches to, as on Supabase, and no privilege that nobody asked for.

-- up
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        -- Roles belong to the whole server: another database may have brought them, even this very moment.
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        -- Whoever owns the schema connects as itself and works as service_role.
        IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO %I', wanted, current_user);
        END IF;
    END LOOP;
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;

-- Supabase grants everything new to its roles, Postgres every function to everybody. Each grant here is written out.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE EXECUTE ON FUNCTIONS FROM anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM anon, authenticated, service_role;
REVOKE ALL ON schema_migrations FROM anon, authenticated, service_role;

CREATE TYPE job_state AS ENUM ('pending', 'in_progress', 'completed', 'failed', 'cancelled');
CREATE TYPE submission_state AS ENUM (
    'planned', 'submitting', 'deferred',
    'submitted', 'rejected', 'needs_human', 'skipped', 'failed', 'unknown', 'cancelled'
);
CREATE TYPE directory_status AS ENUM ('needs_verification', 'active', 'paused', 'retired');
CREATE TYPE package AS ENUM ('starter', 'growth', 'professional', 'enterprise', 'custom');

-- down
DROP TYPE package;
DROP TYPE directory_status;
DROP TYPE submission_state;
DROP TYPE job_state;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
-- The roles stay: they belong to the whole server.
