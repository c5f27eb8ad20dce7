-- name: known_claims
-- What the catalog holds of some records of a source: id, content hash, whether tombstoned.
SELECT record_id, id, content_hash, tombstoned_at IS NOT NULL
FROM catalog.claims
WHERE source = %(source)s::text AND record_id = ANY(%(record_ids)s::text[]);

-- name: open_changed_claims
-- The intake for claims that replace older ones, copied into before `replace_claims`.
CREATE TEMP TABLE IF NOT EXISTS changed_claims (LIKE catalog.claims) ON COMMIT DELETE ROWS;

-- name: empty_changed_claims
-- Forgets what an earlier submission in the same transaction left in the intake.
DELETE FROM changed_claims;

-- name: mark_former_names
-- Marks the claims in the intake dirty, with the names they gave until now.
INSERT INTO catalog.dirty_claims (claim_id, former)
SELECT held.id, held.identifiers
FROM catalog.claims AS held
JOIN changed_claims AS changed USING (id);

-- name: replace_claims
-- Puts the claims in the intake in the place of the older ones; a tombstone is lifted.
UPDATE catalog.claims AS held
SET identifiers = changed.identifiers, raw = changed.raw, content_hash = changed.content_hash,
    document = changed.document, confidence = changed.confidence, seen_at = changed.seen_at,
    tombstoned_at = NULL, reason = NULL
FROM changed_claims AS changed
WHERE held.id = changed.id;

-- name: restore_claims
-- Lifts the tombstones of claims whose record came back unchanged, and marks them dirty.
WITH restored AS (
    UPDATE catalog.claims
    SET tombstoned_at = NULL, reason = NULL, seen_at = %(now)s::timestamptz, document = %(document)s::text
    WHERE id = ANY(%(ids)s::bigint[])
    RETURNING id
)
INSERT INTO catalog.dirty_claims (claim_id) SELECT id FROM restored;

-- name: tombstone_claims
-- Marks claims as gone from their source, keeps them, and marks them dirty.
WITH gone AS (
    UPDATE catalog.claims SET tombstoned_at = %(now)s::timestamptz, reason = %(reason)s::text
    WHERE source = %(source)s::text AND record_id = ANY(%(record_ids)s::text[]) AND tombstoned_at IS NULL
    RETURNING id
)
INSERT INTO catalog.dirty_claims (claim_id) SELECT id FROM gone;

-- name: purge_claims
-- Deletes claims whose tombstone is older than the retention, leaving their names to be merged away.
WITH gone AS (
    DELETE FROM catalog.claims WHERE tombstoned_at < %(before)s::timestamptz
    RETURNING id, identifiers
)
INSERT INTO catalog.dirty_claims (claim_id, former) SELECT id, identifiers FROM gone;

-- name: mark_all_dirty
-- Marks every claim to be merged again.
INSERT INTO catalog.dirty_claims (claim_id) SELECT id FROM catalog.claims;

-- name: mark_names_dirty
-- Marks the claims that give any of some names to be merged again, all of them together.
INSERT INTO catalog.dirty_claims (claim_id, former)
SELECT DISTINCT claim_id, %(names)s::text[]
FROM catalog.identifiers, unnest(asserted_by) AS claim_id
WHERE identifier = ANY(%(names)s::text[]);

-- name: load_dirty
-- Every dirty mark with the names of its claim, now and before; no names for a claim that was deleted.
SELECT dirty.id, dirty.claim_id, claims.id IS NOT NULL, coalesce(claims.identifiers, '{}'), coalesce(dirty.former, '{}')
FROM catalog.dirty_claims AS dirty
LEFT JOIN catalog.claims ON claims.id = dirty.claim_id
ORDER BY dirty.id;

-- name: claims_that_name
-- The claims, other than those at hand, that the catalog knows to give any of some names.
SELECT claims.id, claims.identifiers
FROM catalog.claims
WHERE claims.id IN (
    SELECT unnest(asserted_by) FROM catalog.identifiers WHERE identifier = ANY(%(names)s::text[])
);

-- name: all_namings
-- Every claim with the names it gives.
SELECT id, identifiers FROM catalog.claims ORDER BY id;

-- name: load_readings
-- The claims of some dirty marks as they were read; null where the newest mark of a claim carries none.
SELECT DISTINCT ON (claim_id) claim_id, reading
FROM catalog.dirty_claims
WHERE id = ANY(%(ids)s::bigint[])
ORDER BY claim_id, id DESC;

-- name: load_claims
-- The raw records of some claims.
SELECT id, source, record_id, identifiers, raw, tombstoned_at
FROM catalog.claims
WHERE id = ANY(%(ids)s::bigint[])
ORDER BY id;

-- name: has_names
-- Whether the catalog holds any name, or any vulnerability that lost its names.
SELECT EXISTS (SELECT 1 FROM catalog.identifiers) OR EXISTS (SELECT 1 FROM catalog.vulnerabilities);

-- name: has_claims
-- Whether the catalog holds any claim of a source.
SELECT EXISTS (SELECT 1 FROM catalog.claims WHERE source = %(source)s::text);

-- name: load_decisions
-- Every pin and ban.
SELECT kind, left_identifier, right_identifier FROM catalog.alias_decisions;

-- name: load_touched
-- The vulnerabilities for which a claim now gives any of some names, with what a merge must keep of them:
-- the names that claims give, which claims these are, and the former names that nobody gives any more.
SELECT v.id, v.name, v.digest, v.claim_ids, v.remediated_at, v.changed_at,
       coalesce(array_agg(held.identifier) FILTER (WHERE held.asserted_by <> '{}'), '{}') AS names,
       coalesce(array_agg(array_to_string(held.asserted_by, ' ')) FILTER (WHERE held.asserted_by <> '{}'), '{}')
           AS asserted_by,
       coalesce(array_agg(held.identifier) FILTER (WHERE held.asserted_by = '{}'), '{}') AS former
FROM catalog.vulnerabilities AS v
LEFT JOIN catalog.identifiers AS held ON held.vulnerability_id = v.id
WHERE v.id IN (
    SELECT vulnerability_id FROM catalog.identifiers
    WHERE identifier = ANY(%(names)s::text[]) AND asserted_by <> '{}'
    UNION
    SELECT id FROM catalog.vulnerabilities WHERE name = ANY(%(names)s::text[])
)
GROUP BY v.id
ORDER BY v.id;

-- name: load_documents
-- The finished documents of some vulnerabilities.
SELECT vulnerability_id, document, provenance
FROM catalog.finished
WHERE vulnerability_id = ANY(%(ids)s::bigint[]);

-- name: load_scores
-- The scores in force of some CVE ids.
SELECT cve, score, percentile FROM catalog.epss_scores WHERE cve = ANY(%(names)s::text[]);

-- name: record_removed
-- Writes the removal of vulnerabilities into the change log, with the document they had.
INSERT INTO catalog.changes (vulnerability_id, at, what, before)
SELECT vulnerability_id, %(now)s::timestamptz, 'removed', document
FROM catalog.finished
WHERE vulnerability_id = ANY(%(ids)s::bigint[])
ORDER BY vulnerability_id;

-- name: delete_vulnerabilities
-- Deletes the rows of vulnerabilities, before new ones are copied in or for good.
DELETE FROM catalog.vulnerabilities WHERE id = ANY(%(ids)s::bigint[]);

-- name: delete_finished
-- Deletes the documents of vulnerabilities.
DELETE FROM catalog.finished WHERE vulnerability_id = ANY(%(ids)s::bigint[]);

-- name: delete_identifiers
-- Deletes names wherever they point, and all names of some vulnerabilities.
DELETE FROM catalog.identifiers
WHERE identifier = ANY(%(names)s::text[]) OR vulnerability_id = ANY(%(ids)s::bigint[]);

-- name: delete_affected
-- Deletes the match rows of vulnerabilities.
DELETE FROM catalog.affected WHERE vulnerability_id = ANY(%(ids)s::bigint[]);

-- name: delete_commits
-- Deletes the affected commits of vulnerabilities.
DELETE FROM catalog.commits WHERE vulnerability_id = ANY(%(ids)s::bigint[]);

-- name: vacuum_affected
-- Lets matching read the match table's index alone, and the planner know what is in it.
VACUUM ANALYZE catalog.affected;

-- name: delete_dirty
-- Deletes the marks that a merge has dealt with.
DELETE FROM catalog.dirty_claims WHERE id = ANY(%(ids)s::bigint[]);

-- name: delete_history_day
-- Forgets what was kept for a day whose scores were published again.
DELETE FROM catalog.epss_history WHERE scored_on = %(day)s::date;

-- name: delete_stranded_identifiers
-- Deletes names that lead to a vulnerability that is not there.
DELETE FROM catalog.identifiers AS i
WHERE NOT EXISTS (SELECT 1 FROM catalog.vulnerabilities AS v WHERE v.id = i.vulnerability_id);

-- name: delete_stranded_finished
-- Deletes documents of vulnerabilities that are not there.
DELETE FROM catalog.finished AS f
WHERE NOT EXISTS (SELECT 1 FROM catalog.vulnerabilities AS v WHERE v.id = f.vulnerability_id);

-- name: delete_stranded_affected
-- Deletes match rows of vulnerabilities that are not there.
DELETE FROM catalog.affected AS a
WHERE NOT EXISTS (SELECT 1 FROM catalog.vulnerabilities AS v WHERE v.id = a.vulnerability_id);

-- name: delete_stranded_commits
-- Deletes affected commits of vulnerabilities that are not there.
DELETE FROM catalog.commits AS c
WHERE NOT EXISTS (SELECT 1 FROM catalog.vulnerabilities AS v WHERE v.id = c.vulnerability_id);

-- name: nameless
-- Vulnerabilities that their own name does not find.
SELECT v.id
FROM catalog.vulnerabilities AS v
WHERE NOT EXISTS (
    SELECT 1 FROM catalog.identifiers AS i WHERE i.identifier = v.name AND i.vulnerability_id = v.id
)
ORDER BY v.id;

-- name: orphans
-- Vulnerabilities without a claim: nothing derived can speak for them.
SELECT v.id
FROM catalog.vulnerabilities AS v
WHERE NOT EXISTS (SELECT 1 FROM catalog.claims AS c WHERE c.id = ANY(v.claim_ids))
ORDER BY v.id;

-- name: open_scores
-- The intake for one day of scores.
CREATE TEMP TABLE IF NOT EXISTS new_scores (cve text NOT NULL, score real NOT NULL, percentile real) ON COMMIT DELETE ROWS;

-- name: empty_scores
-- Forgets what an earlier day in the same transaction left in the intake.
DELETE FROM new_scores;

-- name: newest_score_day
-- The newest day whose scores the catalog has.
SELECT max(scored_on) FROM catalog.epss_days;

-- name: next_score_day
-- The first known day after one, for days that arrive late or anew.
SELECT min(scored_on) FROM catalog.epss_days WHERE scored_on > %(day)s::date;

-- name: carry_scores
-- Keeps on the next known day what it tells only through rows that a late day puts before it or takes away.
INSERT INTO catalog.epss_history (cve, scored_on, score, percentile)
SELECT last.cve, %(later)s::date, last.score, last.percentile
FROM (
    SELECT cve FROM catalog.epss_history WHERE scored_on = %(day)s::date
    UNION
    SELECT cve FROM new_scores
) AS moved
CROSS JOIN LATERAL (
    SELECT cve, score, percentile FROM catalog.epss_history AS kept
    WHERE kept.cve = moved.cve AND kept.scored_on <= %(day)s::date
    ORDER BY kept.scored_on DESC LIMIT 1
) AS last
LEFT JOIN new_scores AS fresh ON fresh.cve = moved.cve
WHERE fresh.cve IS NULL OR last.score <> fresh.score
   OR (last.percentile IS NULL) <> (fresh.percentile IS NULL)
   OR abs(last.percentile - fresh.percentile) > %(drift)s::real
ON CONFLICT (cve, scored_on) DO NOTHING;

-- name: drop_repeated_scores
-- Takes rows of a day out of the history that tell no more than the rows before them.
DELETE FROM catalog.epss_history AS said
USING new_scores AS fresh, LATERAL (
    SELECT score, percentile FROM catalog.epss_history AS kept
    WHERE kept.cve = fresh.cve AND kept.scored_on < %(day)s::date
    ORDER BY kept.scored_on DESC LIMIT 1
) AS last
WHERE said.cve = fresh.cve AND said.scored_on = %(day)s::date AND last.score = said.score
  AND (last.percentile IS NULL) = (said.percentile IS NULL)
  AND coalesce(abs(last.percentile - said.percentile), 0) <= %(drift)s::real;

-- name: add_score_history
-- Keeps a score for a CVE when it is new or differs from the last one kept before that day: the score at all,
-- the percentile by more than the drift that is let pass.
INSERT INTO catalog.epss_history (cve, scored_on, score, percentile)
SELECT fresh.cve, %(day)s::date, fresh.score, fresh.percentile
FROM new_scores AS fresh
LEFT JOIN LATERAL (
    SELECT score, percentile FROM catalog.epss_history AS kept
    WHERE kept.cve = fresh.cve AND kept.scored_on < %(day)s::date
    ORDER BY kept.scored_on DESC LIMIT 1
) AS last ON true
WHERE last.score IS NULL OR last.score <> fresh.score
   OR (last.percentile IS NULL) <> (fresh.percentile IS NULL)
   OR abs(last.percentile - fresh.percentile) > %(drift)s::real
ON CONFLICT (cve, scored_on) DO UPDATE SET score = excluded.score, percentile = excluded.percentile;

-- name: count_lost_scores
-- How many scores are in force, and how many of them the day no longer lists.
SELECT count(*), count(*) FILTER (WHERE fresh.cve IS NULL)
FROM catalog.epss_scores AS held
LEFT JOIN new_scores AS fresh USING (cve);

-- name: set_scores
-- Puts the day's scores in force.
INSERT INTO catalog.epss_scores AS held (cve, score, percentile, scored_on)
SELECT cve, score, percentile, %(day)s::date FROM new_scores
ON CONFLICT (cve) DO UPDATE
SET score = excluded.score, percentile = excluded.percentile, scored_on = excluded.scored_on
WHERE (held.score, held.percentile) IS DISTINCT FROM (excluded.score, excluded.percentile);

-- name: drop_old_scores
-- Takes scores out of force that the day no longer lists.
DELETE FROM catalog.epss_scores AS held
WHERE NOT EXISTS (SELECT 1 FROM new_scores AS fresh WHERE fresh.cve = held.cve);

-- name: show_scores
-- Puts changed scores on the curated rows; the documents do not change with a score.
UPDATE catalog.vulnerabilities AS v
SET epss = e.score, epss_percentile = e.percentile
FROM catalog.epss_scores AS e
WHERE e.cve = v.name AND (v.epss, v.epss_percentile) IS DISTINCT FROM (e.score, e.percentile);

-- name: hide_scores
-- Takes scores off curated rows whose CVE id has none any more.
UPDATE catalog.vulnerabilities AS v
SET epss = NULL, epss_percentile = NULL
WHERE v.epss IS NOT NULL AND NOT EXISTS (SELECT 1 FROM catalog.epss_scores AS e WHERE e.cve = v.name);

-- name: add_score_day
-- Writes down that a day's scores were taken, and from which document.
INSERT INTO catalog.epss_days (scored_on, model, document, scores)
VALUES (%(day)s::date, %(model)s::text, %(document)s::text, %(scores)s::integer)
ON CONFLICT (scored_on) DO UPDATE SET model = excluded.model, document = excluded.document, scores = excluded.scores;

-- name: find_score_day
-- The document whose scores the catalog took for a day.
SELECT document FROM catalog.epss_days WHERE scored_on = %(day)s::date;

-- name: save_decision
-- Writes down a pin or a ban; a later decision on the same pair replaces the earlier.
INSERT INTO catalog.alias_decisions (kind, left_identifier, right_identifier, reason, decided_by, decided_at)
VALUES (%(kind)s::text, %(left)s::text, %(right)s::text, %(reason)s::text, %(decided_by)s::text, %(now)s::timestamptz)
ON CONFLICT (left_identifier, right_identifier) DO UPDATE
SET kind = excluded.kind, reason = excluded.reason, decided_by = excluded.decided_by, decided_at = excluded.decided_at;

-- name: delete_decision
-- Takes a pin or ban back.
DELETE FROM catalog.alias_decisions
WHERE left_identifier = %(left)s::text AND right_identifier = %(right)s::text;
