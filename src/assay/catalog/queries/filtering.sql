-- name: plan_for_values
-- Statements of this transaction are planned for their values: a filter that is not given then costs nothing. Each takes
-- one core: readers are many, and what one would gain by two is lost to the next.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),
       set_config('max_parallel_workers_per_gather', '0', true);

-- name: plan_for_most
-- The next statements of this transaction look through most rows and may use a second core: they are few, and slow by one.
SELECT set_config('max_parallel_workers_per_gather', '1', true);

-- name: passing
-- The vulnerabilities that pass some filters; a filter that is null lets everything pass. Other statements take this
-- condition over.
SELECT f.vulnerability_id
FROM catalog.facets AS f
WHERE (%(ids)s::bigint[] IS NULL OR f.vulnerability_id = ANY(%(ids)s::bigint[]))
  AND (%(besides)s::bigint[] IS NULL OR f.vulnerability_id <> ALL(%(besides)s::bigint[]))
  AND (%(states)s::smallint[] IS NULL OR f.state = ANY(%(states)s::smallint[]))
  AND (%(severities)s::smallint[] IS NULL OR f.gravity / 1000 = ANY(%(severities)s::smallint[]))
  -- The same in other words, for which an index can be used.
  AND (%(least_gravity)s::smallint IS NULL OR f.gravity >= %(least_gravity)s::smallint)
  AND (%(most_gravity)s::smallint IS NULL OR f.gravity <= %(most_gravity)s::smallint)
  AND (%(min_cvss)s::smallint IS NULL OR f.gravity %% 1000 >= %(min_cvss)s::smallint)
  AND (%(min_epss)s::real IS NULL OR f.epss >= %(min_epss)s::real)
  AND (%(exploited)s::boolean IS NULL OR f.is_exploited = %(exploited)s::boolean)
  AND (%(needs_review)s::boolean IS NULL OR f.needs_review = %(needs_review)s::boolean)
  AND (%(remediated)s::boolean IS NULL OR f.is_remediated = %(remediated)s::boolean)
  AND (%(since)s::timestamptz IS NULL OR f.modified_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR f.modified_at < %(until)s::timestamptz)
  AND (%(published_since)s::timestamptz IS NULL OR f.published_at >= %(published_since)s::timestamptz)
  AND (%(published_until)s::timestamptz IS NULL OR f.published_at < %(published_until)s::timestamptz)
  AND (%(origins)s::bigint[] IS NULL OR f.origins = ANY(%(origins)s::bigint[]))
  AND (%(release)s::text IS NULL OR EXISTS (
          SELECT 1 FROM catalog.affected AS a
          WHERE a.vulnerability_id = f.vulnerability_id AND a.ecosystem = %(ecosystem)s::text
            AND a.release IN ('', %(release)s::text)))
  -- Looked at last and one by one: these are words that so many have that the next one that has them is not far.
  AND (%(words)s::text IS NULL OR (
          SELECT v.search @@ websearch_to_tsquery('english', %(words)s::text)
          FROM catalog.vulnerabilities AS v WHERE v.id = f.vulnerability_id));

-- name: find_worded
-- Vulnerabilities that have some words, at most so many.
SELECT id FROM catalog.vulnerabilities
WHERE search @@ websearch_to_tsquery('english', %(text)s::text)
LIMIT %(limit)s::integer;

-- name: find_affecting
-- Vulnerabilities that speak of a package.
SELECT DISTINCT a.vulnerability_id
FROM catalog.affected AS a
WHERE a.name IN (%(package)s::text, lower(%(package)s::text))
  AND (%(ecosystem)s::text IS NULL OR a.ecosystem = %(ecosystem)s::text)
  AND (%(release)s::text IS NULL OR a.release IN ('', %(release)s::text));

-- name: find_origins
-- The origins that have a source and an ecosystem.
SELECT id FROM catalog.origins
WHERE (%(source)s::text IS NULL OR sources @> ARRAY[%(source)s::text])
  AND (%(ecosystem)s::text IS NULL OR ecosystems @> ARRAY[%(ecosystem)s::text]);
