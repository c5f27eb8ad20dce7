-- name: count_passing
-- How many vulnerabilities are alike in everything that is counted: their origins, and one number made of their severity
-- and four marks. To group by one number takes a third less time than by five columns.
SELECT f.origins,
       f.gravity / 1000 * 16 + CASE WHEN f.is_exploited THEN 8 ELSE 0 END
           + CASE WHEN f.epss >= %(high_epss)s::real THEN 4 ELSE 0 END + CASE WHEN f.needs_review THEN 2 ELSE 0 END
           + CASE WHEN f.is_remediated THEN 1 ELSE 0 END,
       count(*)
FROM catalog.facets AS f
WHERE true
GROUP BY 1, 2;

-- name: list_origins
-- The sources and ecosystems that vulnerabilities have together.
SELECT id, sources, ecosystems FROM catalog.origins;

-- name: trend
-- Vulnerabilities by the day they were published and by severity.
SELECT (f.published_at AT TIME ZONE 'UTC')::date, f.gravity / 1000, count(*)
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
