-- What the store does in one statement each. No function loops: everything is a set, however many groups a batch has.

-- Appends a batch, if every shard is open under the epoch that the writer knows and every stream is at the version that
-- it expects; else writes nothing and tells what differs. Answers rows (what, nth, number), nth counted from 1:
-- 1: the nth shard is fenced, or its epoch is `number`; 2: the nth stream is at version `number`; 3: it was written, and
-- the nth shard's head was `number`.
--
-- Each statement in here sees what was committed before it began. So the locks come first: what is read behind them
-- cannot change until this transaction is over. They are taken in ascending order, so that no two appends wait for each
-- other in a circle, and the server lets go of them with the transaction, whatever becomes of the client.
CREATE OR REPLACE FUNCTION append_v1(
    p_class integer, p_id bytea, p_time timestamptz, p_layout bytea,
    p_shards smallint[], p_epochs bigint[],
    p_keys text[], p_kinds text[], p_expected bigint[], p_told_max integer,
    f_slot integer[], f_nth bigint[], f_key text[], f_kind text[], f_version bigint[], f_type text[],
    f_schema integer[], f_time timestamptz[], f_actor text[], f_command text[], f_trace text[], f_body text[]
) RETURNS TABLE (what smallint, nth integer, number bigint) LANGUAGE plpgsql AS $function$
DECLARE
    before bigint[];
BEGIN
    PERFORM pg_advisory_xact_lock(p_class, t.shard::integer) FROM unnest(p_shards) AS t (shard);

    RETURN QUERY
        SELECT 1::smallint, t.n::integer, s.epoch
        FROM unnest(p_shards, p_epochs) WITH ORDINALITY AS t (shard, epoch, n)
        JOIN shards s ON s.shard = t.shard
        WHERE s.epoch <> t.epoch OR s.is_fenced;
    IF FOUND THEN
        RETURN;
    END IF;

    RETURN QUERY
        SELECT 2::smallint, t.n::integer, coalesce(last.version, 0)
        FROM unnest(p_keys, p_kinds, p_expected) WITH ORDINALITY AS t (key, kind, expected, n)
        LEFT JOIN LATERAL (
            SELECT f.version FROM facts f WHERE f.key = t.key AND f.kind = t.kind ORDER BY f.version DESC LIMIT 1
        ) AS last ON true
        WHERE coalesce(last.version, 0) <> t.expected
        LIMIT p_told_max;
    IF FOUND THEN
        RETURN;
    END IF;

    SELECT coalesce(array_agg(coalesce(last.position, 0) ORDER BY t.n), '{}') INTO before
    FROM unnest(p_shards) WITH ORDINALITY AS t (shard, n)
    LEFT JOIN LATERAL (
        SELECT f.position FROM facts f WHERE f.shard = t.shard ORDER BY f.position DESC LIMIT 1
    ) AS last ON true;

    IF cardinality(f_slot) > 0 THEN
        INSERT INTO facts (shard, position, key, kind, version, type, schema, time, actor, command, trace, body)
        SELECT p_shards[t.slot], before[t.slot] + t.n, t.key, t.kind, t.version, t.type, t.schema, t.time, t.actor,
            t.command, t.trace, t.body::json
        FROM unnest(f_slot, f_nth, f_key, f_kind, f_version, f_type, f_schema, f_time, f_actor, f_command, f_trace,
            f_body) AS t (slot, n, key, kind, version, type, schema, time, actor, command, trace, body);
    ELSE
        -- A refusal needs no sync of its own: what it rests on was durable before anybody could see it.
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;

    INSERT INTO appends (id, time, layout, shards, heads) VALUES (p_id, p_time, p_layout, p_shards, before);

    RETURN QUERY SELECT 3::smallint, t.n::integer, t.head FROM unnest(before) WITH ORDINALITY AS t (head, n);
END
$function$;

-- What became of an append. The row is written where it is missing, which waits for an append that is about to write
-- it, and keeps out one that has not come.
CREATE OR REPLACE FUNCTION find_append_v1(p_id bytea, p_kept_s bigint)
RETURNS TABLE (layout bytea, shards smallint[], heads bigint[], is_forgotten boolean) LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO appends AS a (id, time)
    VALUES (p_id, coalesce((SELECT max(b.time) FROM appends b WHERE b.layout IS NOT NULL), 'infinity'))
    ON CONFLICT (id) DO NOTHING;

    RETURN QUERY
        SELECT a.layout, a.shards, a.heads,
            a.time < date_trunc('second', (SELECT max(b.time) FROM appends b WHERE b.layout IS NOT NULL))
                - make_interval(secs => p_kept_s - 1)
        FROM appends a WHERE a.id = p_id;
END
$function$;

-- Raises a shard's epoch and answers it; null where there is no such shard.
CREATE OR REPLACE FUNCTION fence_v1(p_class integer, p_shard smallint, p_is_fenced boolean)
RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
    raised bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(p_class, p_shard::integer);
    UPDATE shards s SET epoch = s.epoch + 1, is_fenced = p_is_fenced WHERE s.shard = p_shard RETURNING s.epoch INTO raised;
    RETURN raised;
END
$function$;

-- Nobody waits for a disk: a snapshot that a crash loses is made again.
CREATE OR REPLACE FUNCTION save_snapshot_v1(
    p_key text, p_kind text, p_version bigint, p_time timestamptz, p_state_version bigint, p_body text
) RETURNS void LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO snapshots AS s (key, kind, version, time, state_version, body)
    VALUES (p_key, p_kind, p_version, p_time, p_state_version, p_body)
    ON CONFLICT (key, kind) DO UPDATE SET version = excluded.version, time = excluded.time,
        state_version = excluded.state_version, body = excluded.body
    WHERE excluded.version > s.version;
END
$function$;

-- Moves checkpoints, clears collections, deletes documents, puts documents: in this order, in one transaction, and
-- nothing of it (CM001) where a checkpoint is not at `k_from`, null for one that is not stored yet. Documents come sorted
-- and each once, `p_puts` telling how many times one was put; rows are locked in their order, so that no two writers wait
-- for each other in a circle. Of their entries those are touched that changed. What follows from facts that are durable
-- (`p_is_derived`) waits for no disk and no standby: what a crash loses of it is made again.
CREATE OR REPLACE FUNCTION write_documents_v2(
    p_cleared text[], d_collections text[], d_ids text[],
    p_collections text[], p_ids text[], p_puts bigint[], p_expires timestamptz[], p_bodies text[], p_exact text[],
    e_collections text[], e_idx text[], e_keys bytea[], e_ids text[],
    k_projections text[], k_shards smallint[], k_positions bigint[], k_from bigint[], p_is_derived boolean
) RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
    moved bigint;
    placed bigint;
BEGIN
    IF p_is_derived THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    IF cardinality(k_projections) > 0 THEN
        PERFORM 1 FROM checkpoints c
        JOIN unnest(k_projections, k_shards) AS t (projection, shard)
            ON c.projection = t.projection AND c.shard = t.shard
        ORDER BY c.projection, c.shard FOR UPDATE OF c;
        UPDATE checkpoints c SET position = t.position
        FROM unnest(k_projections, k_shards, k_positions, k_from) AS t (projection, shard, position, before)
        WHERE c.projection = t.projection AND c.shard = t.shard AND c.position = t.before;
        GET DIAGNOSTICS moved = ROW_COUNT;
        INSERT INTO checkpoints (projection, shard, position)
        SELECT t.projection, t.shard, t.position
        FROM unnest(k_projections, k_shards, k_positions, k_from) AS t (projection, shard, position, before)
        WHERE t.before IS NULL
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS placed = ROW_COUNT;
        IF moved + placed < cardinality(k_projections) THEN
            RAISE EXCEPTION 'a checkpoint of % is not where its writer believes it to be', k_projections[1]
                USING ERRCODE = 'CM001';
        END IF;
    END IF;

    IF cardinality(p_cleared) > 0 THEN
        DELETE FROM entries e WHERE e.collection = ANY (p_cleared);
        DELETE FROM documents d WHERE d.collection = ANY (p_cleared);
    END IF;

    IF cardinality(d_ids) > 0 THEN
        PERFORM 1 FROM documents d
        JOIN unnest(d_collections || p_collections, d_ids || p_ids) AS t (collection, id)
            ON d.collection = t.collection AND d.id = t.id
        ORDER BY d.collection, d.id FOR UPDATE OF d;
        DELETE FROM entries e USING unnest(d_collections, d_ids) AS t (collection, id)
        WHERE e.collection = t.collection AND e.id = t.id;
        DELETE FROM documents d USING unnest(d_collections, d_ids) AS t (collection, id)
        WHERE d.collection = t.collection AND d.id = t.id;
    END IF;

    IF cardinality(p_ids) > 0 THEN
        INSERT INTO documents AS d (collection, id, version, expires, body, exact)
        SELECT t.collection, t.id, t.puts, t.expires, t.body::jsonb, t.exact
        FROM unnest(p_collections, p_ids, p_puts, p_expires, p_bodies, p_exact)
            AS t (collection, id, puts, expires, body, exact)
        ON CONFLICT (collection, id) DO UPDATE SET version = d.version + excluded.version,
            expires = excluded.expires, body = excluded.body, exact = excluded.exact;

        DELETE FROM entries e
        USING (
            SELECT o.collection, o.idx, o.key, o.id
            FROM unnest(p_collections, p_ids) AS p (collection, id)
            JOIN entries o ON o.collection = p.collection AND o.id = p.id
            EXCEPT
            SELECT n.collection, n.idx, n.key, n.id
            FROM unnest(e_collections, e_idx, e_keys, e_ids) AS n (collection, idx, key, id)
        ) AS gone
        WHERE e.collection = gone.collection AND e.idx = gone.idx AND e.key = gone.key AND e.id = gone.id;

        INSERT INTO entries (collection, idx, key, id)
        SELECT n.collection, n.idx, n.key, n.id
        FROM unnest(e_collections, e_idx, e_keys, e_ids) AS n (collection, idx, key, id)
        ON CONFLICT DO NOTHING;
    END IF;
END
$function$;

-- Puts each of these documents if it is as expected: null for one that must not be there, else its version. Each answers
-- for itself: whether it was written, and the document that is there, with its body where it was not written.
CREATE OR REPLACE FUNCTION put_documents_if_v1(
    p_now timestamptz[], p_collections text[], p_ids text[], p_expected bigint[], p_expires timestamptz[],
    p_bodies text[], p_exact text[], e_nth integer[], e_idx text[], e_keys bytea[]
) RETURNS TABLE (nth integer, is_written boolean, version bigint, expires timestamptz, body text)
LANGUAGE plpgsql AS $function$
DECLARE
    written bigint[];
    rewritten bigint[];
BEGIN
    PERFORM 1 FROM documents d
    JOIN unnest(p_collections, p_ids) AS t (collection, id) ON d.collection = t.collection AND d.id = t.id
    ORDER BY d.collection, d.id FOR UPDATE OF d;

    WITH asked AS MATERIALIZED (
        SELECT * FROM unnest(p_now, p_collections, p_ids, p_expected, p_expires, p_bodies, p_exact) WITH ORDINALITY
            AS t (now, collection, id, expected, expires, body, exact, n)
    ), updated AS (
        UPDATE documents d
        SET version = d.version + 1, expires = a.expires, body = a.body::jsonb, exact = a.exact
        FROM asked a
        WHERE d.collection = a.collection AND d.id = a.id
            AND CASE WHEN a.expected IS NULL THEN d.expires <= a.now
                ELSE d.version = a.expected AND (d.expires IS NULL OR d.expires > a.now) END
        RETURNING a.n
    ), inserted AS (
        INSERT INTO documents AS i (collection, id, version, expires, body, exact)
        SELECT a.collection, a.id, 1, a.expires, a.body::jsonb, a.exact
        FROM asked a WHERE a.expected IS NULL ORDER BY a.n
        ON CONFLICT DO NOTHING
        RETURNING i.collection, i.id
    )
    SELECT coalesce(array_agg(t.n), '{}'), coalesce(array_agg(t.n) FILTER (WHERE t.was_there), '{}')
    INTO written, rewritten
    FROM (
        SELECT u.n, true AS was_there FROM updated u
        UNION ALL
        SELECT a.n, false FROM inserted i JOIN asked a ON a.collection = i.collection AND a.id = i.id
    ) AS t;

    IF cardinality(written) = 0 THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    IF cardinality(rewritten) > 0 THEN
        DELETE FROM entries e USING unnest(rewritten) AS w (n)
        WHERE e.collection = p_collections[w.n] AND e.id = p_ids[w.n] AND NOT EXISTS (
            SELECT FROM unnest(e_nth, e_idx, e_keys) AS k (n, idx, key)
            WHERE k.n = w.n AND k.idx = e.idx AND k.key = e.key);
    END IF;
    IF cardinality(e_nth) > 0 AND cardinality(written) > 0 THEN
        INSERT INTO entries (collection, idx, key, id)
        SELECT p_collections[k.n], k.idx, k.key, p_ids[k.n]
        FROM unnest(e_nth, e_idx, e_keys) AS k (n, idx, key) WHERE k.n = ANY (written)
        ON CONFLICT DO NOTHING;
    END IF;

    RETURN QUERY
        SELECT t.n::integer, t.n = ANY (written), d.version, d.expires,
            CASE WHEN t.n = ANY (written) THEN NULL ELSE coalesce(d.exact, d.body::text) END
        FROM unnest(p_now, p_collections, p_ids) WITH ORDINALITY AS t (now, collection, id, n)
        LEFT JOIN documents d ON d.collection = t.collection AND d.id = t.id
            AND (t.n = ANY (written) OR d.expires IS NULL OR d.expires > t.now);
END
$function$;
