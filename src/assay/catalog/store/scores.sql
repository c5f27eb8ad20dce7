-- name: delete_history_day
-- Forgets what was kept for a day whose scores were published again.
DELETE FROM catalog.epss_history WHERE scored_on = %(day)s::date;

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

-- name: show_scores_in_lists
-- Puts the curated rows' scores on the narrow ones.
UPDATE catalog.facets AS f
SET epss = coalesce(v.epss, -1)
FROM catalog.vulnerabilities AS v
WHERE v.id = f.vulnerability_id AND f.epss <> coalesce(v.epss, -1);

-- name: add_score_day
-- Writes down that a day's scores were taken, and from which document.
INSERT INTO catalog.epss_days (scored_on, model, document, scores)
VALUES (%(day)s::date, %(model)s::text, %(document)s::text, %(scores)s::integer)
ON CONFLICT (scored_on) DO UPDATE SET model = excluded.model, document = excluded.document, scores = excluded.scores;

-- name: find_score_day
-- The document whose scores the catalog took for a day.
SELECT document FROM catalog.epss_days WHERE scored_on = %(day)s::date;
