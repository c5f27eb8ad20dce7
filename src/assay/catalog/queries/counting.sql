-- name: count_passing
-- How many vulnerabilities are alike in everything that is counted.
SELECT f.gravity / 1000, f.is_exploited, f.epss >= %(high_epss)s::real, f.needs_review, f.is_remediated, f.origins,
       count(*)
FROM catalog.facets AS f
WHERE true
GROUP BY 1, 2, 3, 4, 5, 6;

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
