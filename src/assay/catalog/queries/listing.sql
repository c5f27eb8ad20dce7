-- name: search
-- A page of vulnerabilities in an order, from the last one of the page before on.
SELECT v.id, v.name, v.state, coalesce(v.summary, left(v.words, 160)) AS summary, v.severity, v.cvss_score, v.epss,
       v.epss_percentile, v.is_exploited, v.exploited_on, v.published_at, v.modified_at, v.sources, v.needs_review,
       v.remediated_at, page.sorted_by
FROM (
    SELECT f.vulnerability_id, f.modified_at AS sorted_by
    FROM catalog.facets AS f
    WHERE (%(after_id)s::bigint IS NULL
           OR (f.modified_at, f.vulnerability_id) < (%(after)s::timestamptz, %(after_id)s::bigint))
    ORDER BY f.modified_at DESC, f.vulnerability_id DESC
    LIMIT %(limit)s::integer
) AS page
JOIN catalog.vulnerabilities AS v ON v.id = page.vulnerability_id
ORDER BY page.sorted_by DESC, page.vulnerability_id DESC;

-- name: newly_exploited
-- Vulnerabilities in force that are exploited, the last that became known to be first.
SELECT v.id, v.name, v.state, coalesce(v.summary, left(v.words, 160)) AS summary, v.severity, v.cvss_score, v.epss,
       v.epss_percentile, v.is_exploited, v.exploited_on, v.published_at, v.modified_at, v.sources, v.needs_review,
       v.remediated_at
FROM catalog.vulnerabilities AS v
WHERE v.is_exploited AND v.state IN ('published', 'disputed')
ORDER BY v.exploited_on DESC NULLS LAST, v.id DESC
LIMIT %(limit)s::integer;
