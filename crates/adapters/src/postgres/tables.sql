-- The tables of a store. Times are microseconds, UTC; texts are compared byte by byte, as everywhere else in the shop.

CREATE TABLE meta (
    format integer NOT NULL,
    shards integer NOT NULL,
    -- There is one row.
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only)
);

-- A shard's head is its last fact's position.
CREATE TABLE shards (
    shard smallint PRIMARY KEY,
    epoch bigint NOT NULL,
    is_fenced boolean NOT NULL
);

-- A stream's name is taken apart, `order-K7` into kind `order` and key `K7`: the index over (key, kind, version) begins
-- with the key, so that all streams of one case lie on one page. Bodies are `json`, not `jsonb`: kept byte for byte, and
-- no value in one buyer's fact makes the batch that others share fail.
CREATE TABLE facts (
    shard smallint NOT NULL,
    position bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    schema integer NOT NULL,
    time timestamptz NOT NULL,
    actor text COLLATE "C" NOT NULL,
    command text COLLATE "C" NOT NULL,
    trace text COLLATE "C",
    body json NOT NULL,
    CONSTRAINT facts_by_place PRIMARY KEY (shard, position),
    CONSTRAINT facts_by_stream UNIQUE (key, kind, version)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE snapshots (
    key text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    time timestamptz NOT NULL,
    state_version bigint NOT NULL,
    body text COLLATE "C" NOT NULL,
    PRIMARY KEY (key, kind)
) WITH (fillfactor = 80);

-- Kept for 24 hours. The layout is what became of each group, with positions counted from the heads of the shards as
-- they were. Without a layout somebody asked for an append that had not come, and now it never will.
CREATE TABLE appends (
    id bytea PRIMARY KEY,
    time timestamptz NOT NULL,
    layout bytea,
    shards smallint[],
    heads bigint[]
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX appends_by_time ON appends (time);

-- `exact` holds the rare JSON that `jsonb` cannot hold.
CREATE TABLE documents (
    collection text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    expires timestamptz,
    body jsonb,
    exact text,
    PRIMARY KEY (collection, id),
    CHECK ((body IS NULL) <> (exact IS NULL))
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX documents_by_expiry ON documents (expires) WHERE expires IS NOT NULL;

CREATE TABLE entries (
    collection text COLLATE "C" NOT NULL,
    idx text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    id text COLLATE "C" NOT NULL,
    PRIMARY KEY (collection, idx, key, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX entries_by_document ON entries (collection, id);

CREATE TABLE checkpoints (
    projection text COLLATE "C" NOT NULL,
    shard smallint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (projection, shard)
) WITH (fillfactor = 50);
