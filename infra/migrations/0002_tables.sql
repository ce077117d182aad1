-- What Fleet knows. Every foreign key has an index; the database's clock sets every time.

-- up
CREATE TABLE customers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    reference text NOT NULL UNIQUE,  -- the customer's name in the shop
    user_id uuid UNIQUE,             -- who reads this customer's rows: the `sub` of a signed-in user's token
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE directories (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]*$'),
    name text NOT NULL,
    site text NOT NULL,
    submission_url text NOT NULL,
    status directory_status NOT NULL DEFAULT 'needs_verification',
    category text NOT NULL DEFAULT '',
    domain_authority integer NOT NULL DEFAULT 0,
    method text NOT NULL DEFAULT 'web_form',
    trust text NOT NULL DEFAULT '',
    pace double precision CHECK (pace >= 0),  -- seconds between two visits; null: the setting's
    allows_automation boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX directories_by_authority ON directories (domain_authority DESC, id);
CREATE INDEX directories_active ON directories (domain_authority DESC, id) WHERE status = 'active' AND allows_automation;

CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customers,
    state job_state NOT NULL DEFAULT 'pending',
    last_event text NOT NULL DEFAULT 'job.enqueued',  -- what the latest transition was; the history row takes its name from it
    package package NOT NULL,
    priority smallint NOT NULL CHECK (priority BETWEEN 1 AND 4),
    profile jsonb NOT NULL,
    correlation_id text NOT NULL,
    idempotency_key text,
    body_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    not_before timestamptz NOT NULL DEFAULT now(),
    -- the lease
    lease_epoch integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    worker_id text,
    recoveries integer NOT NULL DEFAULT 0,
    is_cancelling boolean NOT NULL DEFAULT false,
    -- the outbox
    hint integer NOT NULL DEFAULT 1,           -- number of the latest hint
    hint_taken_until timestamptz,              -- a sweep has this hint in hand and is about to send it
    hint_sent_at timestamptz,                  -- null: the latest hint never reached the queue
    hints_unanswered integer NOT NULL DEFAULT 0,  -- hints sent since the job last moved
    dispatched_at timestamptz,
    UNIQUE (customer_id, idempotency_key),
    CHECK ((state = 'in_progress') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('pending', 'in_progress')) = (finished_at IS NULL))
);
CREATE INDEX jobs_due ON jobs (priority, not_before) WHERE state = 'pending';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'in_progress';
CREATE INDEX jobs_dispatched ON jobs (dispatched_at) WHERE state = 'pending' AND dispatched_at IS NOT NULL;

CREATE TABLE job_results (
    job_id uuid NOT NULL REFERENCES jobs,
    directory_id text NOT NULL REFERENCES directories,
    customer_id uuid NOT NULL REFERENCES customers,
    position integer NOT NULL,
    state submission_state NOT NULL DEFAULT 'planned',
    attempts integer NOT NULL DEFAULT 0,
    attempting_since timestamptz,  -- an attempt was begun and has not ended
    reason text,
    message text NOT NULL DEFAULT '',
    screenshot text,
    final_url text,
    confirmation text,
    listing_url text,
    not_before timestamptz,
    seconds double precision,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, directory_id)
);
CREATE INDEX job_results_directory ON job_results (directory_id);
CREATE INDEX job_results_customer ON job_results (customer_id);

CREATE TABLE intents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customers,
    directory_id text NOT NULL REFERENCES directories,
    job_id uuid NOT NULL,
    lease_epoch integer NOT NULL,
    token uuid NOT NULL,           -- one call's own mark: the same call sent again finds its intent
    committed_at timestamptz NOT NULL DEFAULT now(),
    outcome submission_state,      -- null: what became of the click is not known yet
    reason text,
    resolved_at timestamptz,
    voided_at timestamptz,         -- the click provably led to no listing: the pair is free again
    void_proof text,
    FOREIGN KEY (job_id, directory_id) REFERENCES job_results,
    CHECK ((voided_at IS NULL) = (void_proof IS NULL))
);
-- Promise 2: a directory receives at most one submission for one customer and directory.
CREATE UNIQUE INDEX intents_once ON intents (customer_id, directory_id) WHERE voided_at IS NULL;
CREATE INDEX intents_customer ON intents (customer_id);
CREATE INDEX intents_directory ON intents (directory_id);
CREATE INDEX intents_submission ON intents (job_id, directory_id);

CREATE TABLE rate_limits (
    directory_id text PRIMARY KEY REFERENCES directories,
    next_visit_at timestamptz NOT NULL
);

CREATE TABLE worker_heartbeats (
    worker_id text PRIMARY KEY,
    slots integer NOT NULL,
    busy integer NOT NULL,
    jobs integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    beat_at timestamptz NOT NULL DEFAULT now()
);

-- Outlives its jobs and holds messages about jobs that never were, hence no foreign keys.
CREATE TABLE queue_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    event text NOT NULL,
    job_id uuid,
    customer_id uuid,
    directory_id text,
    from_state text,
    to_state text,
    lease_epoch integer,
    worker_id text,
    reason text,
    queue text,
    message_id text,
    detail text NOT NULL DEFAULT ''
);
CREATE INDEX queue_history_job ON queue_history (job_id, id);
CREATE INDEX queue_history_customer ON queue_history (customer_id, id);

-- down
DROP TABLE queue_history, worker_heartbeats, rate_limits, intents, job_results, jobs, directories, customers;
