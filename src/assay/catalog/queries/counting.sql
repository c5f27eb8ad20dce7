-- name: count_passing
-- How many vulnerabilities are alike in everything that is counted: their origins, and one number made of their severity
-- and four marks. To group by one number takes a third less time than by five columns.
SELECT f.origins, catalog.kind_of(f.gravity, f.is_exploited, f.epss, f.needs_review, f.is_remediated), count(*)
FROM catalog.facets AS f
WHERE true
GROUP BY 1, 2;

-- name: count_tallied
-- The same, for filters that are about what is counted.
SELECT t.origins, t.kind, sum(t.number)::bigint
FROM catalog.tallies AS t
WHERE (%(states)s::smallint[] IS NULL OR t.state = ANY(%(states)s::smallint[]))
  AND (%(severities)s::smallint[] IS NULL OR t.kind / 16 = ANY(%(severities)s::smallint[]))
  AND (%(exploited)s::boolean IS NULL OR (t.kind & 8 > 0) = %(exploited)s::boolean)
  AND (%(min_epss)s::real IS NULL OR t.kind & 4 > 0)
  AND (%(needs_review)s::boolean IS NULL OR (t.kind & 2 > 0) = %(needs_review)s::boolean)
  AND (%(remediated)s::boolean IS NULL OR (t.kind & 1 > 0) = %(remediated)s::boolean)
  AND (%(origins)s::bigint[] IS NULL OR t.origins = ANY(%(origins)s::bigint[]))
GROUP BY 1, 2
HAVING sum(t.number) <> 0;

-- name: list_origins
-- The sources and ecosystems that vulnerabilities have together.
SELECT id, sources, ecosystems FROM catalog.origins;

-- name: trend
-- Vulnerabilities by the day (UTC) they were published, as its first moment, and by severity. A cast to a date takes half
-- as long again.
SELECT date_bin('1 day', f.published_at, '1970-01-01 00:00:00+00'), f.gravity / 1000, count(*)
FROM catalog.facets AS f
WHERE f.published_at >= %(first)s::timestamptz AND f.published_at < %(past)s::timestamptz
GROUP BY 1, 2;

-- name: count_published
-- Vulnerabilities in force that were published since two moments, the later one first.
SELECT count(*) FILTER (WHERE f.published_at >= %(today)s::timestamptz), count(*)
FROM catalog.facets AS f
WHERE f.published_at >= %(week)s::timestamptz AND f.published_at < %(past)s::timestamptz AND f.state = ANY('{0,1}');

-- name: edition
-- The number of the catalog's edition.
SELECT number FROM catalog.editions;

-- name: merged_by
-- The mark of the rules and the policy by which all vulnerabilities were merged, empty where there is no one such.
SELECT e.merged_by FROM catalog.editions AS e WHERE EXISTS (SELECT 1 FROM catalog.vulnerabilities);
