PRAGMA application_id = 1129140820;
PRAGMA user_version = 1;
CREATE TABLE appends (
    time INTEGER NOT NULL,
    id BLOB NOT NULL UNIQUE,
    outcomes BLOB,
    PRIMARY KEY (time, id)
) STRICT, WITHOUT ROWID;
INSERT INTO appends VALUES (1750000000000000, x'00000000000000000000000000000001', x'000112010100030e010112010012020101010d6c616d702d68616c6c2532453102');
INSERT INTO appends VALUES (1750000000000000, x'00000000000000000000000000000002', NULL);
CREATE TABLE checkpoints (
    projection TEXT NOT NULL,
    shard INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (projection, shard)
) STRICT, WITHOUT ROWID;
INSERT INTO checkpoints VALUES ('rooms', 3, 9);
CREATE TABLE documents (
    row INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    expires INTEGER,
    entries BLOB NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (collection, id)
) STRICT;
INSERT INTO documents VALUES (1, 4, 'hall', 2, NULL, x'05060268616c6c00', '{"size":2}');
INSERT INTO documents VALUES (2, 4, 'attic', 1, NULL, x'050702617474696300', '{}');
INSERT INTO documents VALUES (3, 6, 'hall', 1, 1750000000000000, x'05060268616c6c00', '"old"');
CREATE TABLE entries (
    collection INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    key BLOB NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (collection, idx, key, id)
) STRICT, WITHOUT ROWID;
INSERT INTO entries VALUES (4, 5, x'02617474696300', 'attic');
INSERT INTO entries VALUES (4, 5, x'0268616c6c00', 'hall');
INSERT INTO entries VALUES (6, 5, x'0268616c6c00', 'hall');
CREATE TABLE facts (
    place INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    kind INTEGER NOT NULL,
    version INTEGER NOT NULL,
    type INTEGER NOT NULL,
    schema INTEGER NOT NULL,
    time INTEGER NOT NULL,
    actor TEXT NOT NULL,
    command INTEGER,
    trace ANY,
    body TEXT NOT NULL
) STRICT;
INSERT INTO facts VALUES (15393162788865, '가', 2, 1, 3, 1, 1750000000000000, 'system', NULL, NULL, '{}');
INSERT INTO facts VALUES (19791209299969, 'hall%2E1', 2, 1, 3, 1, 1750000000000000, 'staff:7', 1, x'4bf92f3577b34da6a3ce929d0e0e4736', '{"watt":40}');
INSERT INTO facts VALUES (19791209299970, 'hall%2E1', 2, 2, 3, 1, 1750000000000000, 'system', NULL, NULL, '{"watt":60}');
CREATE TABLE names (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO names VALUES (1, 'light');
INSERT INTO names VALUES (2, 'lamp');
INSERT INTO names VALUES (3, 'lamp.lit');
INSERT INTO names VALUES (4, 'rooms');
INSERT INTO names VALUES (5, 'by_id');
INSERT INTO names VALUES (6, 'keys');
CREATE TABLE shards (
    shard INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    state INTEGER NOT NULL
) STRICT;
INSERT INTO shards VALUES (0, 1, 0);
INSERT INTO shards VALUES (5, 2, 1);
CREATE TABLE snapshots (
    key TEXT NOT NULL,
    kind INTEGER NOT NULL,
    version INTEGER NOT NULL,
    time INTEGER NOT NULL,
    state_version INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (key, kind)
) STRICT;
INSERT INTO snapshots VALUES ('hall%2E1', 2, 2, 1750000000000000, 3, '{"watt":100}');
CREATE INDEX documents_by_expiry ON documents (expires) WHERE expires IS NOT NULL;
CREATE UNIQUE INDEX facts_by_stream ON facts (key, kind, version);
