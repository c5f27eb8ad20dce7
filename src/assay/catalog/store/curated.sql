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

-- name: find_readings
-- Where the claims of some dirty marks stand as they were read; null where the newest mark of a claim does not say.
SELECT DISTINCT ON (claim_id) claim_id, spool_file, spool_at, spool_bytes, spool_checksum
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
SELECT v.id, v.name, v.digest, v.claim_ids, v.changed_at,
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
    SELECT vulnerability_id FROM catalog.facets WHERE name = ANY(%(names)s::text[])
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

-- name: delete_facets
-- Deletes the narrow rows of vulnerabilities.
DELETE FROM catalog.facets WHERE vulnerability_id = ANY(%(ids)s::bigint[]);

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

-- name: vacuum_facets
-- Lets the planner know what lists and counters look through.
VACUUM ANALYZE catalog.facets;

-- name: fold_tallies
-- Makes one row of the tallies that speak of the same; of two at once the later one finds what the first one left.
WITH gone AS (DELETE FROM catalog.tallies RETURNING origins, kind, state, number)
INSERT INTO catalog.tallies
SELECT origins, kind, state, sum(number) FROM gone GROUP BY 1, 2, 3 HAVING sum(number) <> 0;

-- name: lock_tallies
-- Lets nobody else write facets or fold tallies until the transaction ends.
LOCK TABLE catalog.tallies IN SHARE ROW EXCLUSIVE MODE;

-- name: tally_anew
-- Counts every narrow row again.
WITH gone AS (DELETE FROM catalog.tallies)
INSERT INTO catalog.tallies
SELECT origins, catalog.kind_of(gravity, is_exploited, epss, needs_review, is_remediated), state, count(*)
FROM catalog.facets GROUP BY 1, 2, 3;

-- name: vacuum_tallies
-- Frees what folding left behind.
VACUUM ANALYZE catalog.tallies;

-- name: add_origins
-- Writes sources and ecosystems down that no vulnerability had together before; in one order, so that two merges wait
-- for each other in the same order.
INSERT INTO catalog.origins (id, sources, ecosystems)
SELECT id, string_to_array(sources, E'\n'), string_to_array(ecosystems, E'\n')
FROM unnest(%(ids)s::bigint[], %(sources)s::text[], %(ecosystems)s::text[]) AS fresh (id, sources, ecosystems)
ORDER BY id
ON CONFLICT DO NOTHING;

-- name: load_remediations
-- When people marked some names as remediated.
SELECT identifier, remediated_at FROM catalog.remediations WHERE identifier = ANY(%(names)s::text[]);

-- name: save_remediation
-- Writes down that a vulnerability is remediated; a later word on the same name replaces the earlier.
INSERT INTO catalog.remediations (identifier, note, remediated_by, remediated_at)
VALUES (%(name)s::text, %(note)s::text, %(by)s::text, %(now)s::timestamptz)
ON CONFLICT (identifier) DO UPDATE
SET note = excluded.note, remediated_by = excluded.remediated_by, remediated_at = excluded.remediated_at;

-- name: delete_remediations
-- Takes back that a vulnerability is remediated, under whichever of its names it was said.
DELETE FROM catalog.remediations AS r
USING catalog.identifiers AS i
WHERE i.identifier = r.identifier AND i.vulnerability_id = %(id)s::bigint;

-- name: show_remediation
-- Puts on a curated row whether it is remediated.
UPDATE catalog.vulnerabilities SET remediated_at = %(at)s::timestamptz WHERE id = %(id)s::bigint;

-- name: show_remediation_in_lists
-- Puts on a narrow row whether it is remediated.
UPDATE catalog.facets SET is_remediated = %(at)s::timestamptz IS NOT NULL WHERE vulnerability_id = %(id)s::bigint;

-- name: count_edition
-- Counts the catalog's edition up; last in a transaction, because the next one that does waits for its end.
INSERT INTO catalog.editions AS e (number) VALUES (1) ON CONFLICT (is_only) DO UPDATE SET number = e.number + 1;

-- name: note_merging
-- Writes down by what everything is merged from here on; where something else merged by another stays, nobody knows.
INSERT INTO catalog.editions AS e (number, merged_by) VALUES (0, CASE WHEN %(is_all)s::boolean THEN %(mark)s::text ELSE '' END)
ON CONFLICT (is_only) DO UPDATE SET merged_by = excluded.merged_by WHERE e.merged_by <> %(mark)s::text
RETURNING merged_by;

-- name: delete_dirty
-- Deletes the marks that a merge has dealt with.
DELETE FROM catalog.dirty_claims WHERE id = ANY(%(ids)s::bigint[]);

-- name: delete_stranded_identifiers
-- Deletes names that lead to a vulnerability that is not there.
DELETE FROM catalog.identifiers AS i
WHERE NOT EXISTS (SELECT 1 FROM catalog.vulnerabilities AS v WHERE v.id = i.vulnerability_id);

-- name: delete_stranded_finished
-- Deletes documents of vulnerabilities that are not there.
DELETE FROM catalog.finished AS f
WHERE NOT EXISTS (SELECT 1 FROM catalog.vulnerabilities AS v WHERE v.id = f.vulnerability_id);

-- name: delete_stranded_facets
-- Deletes narrow rows of vulnerabilities that are not there.
DELETE FROM catalog.facets AS f
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
