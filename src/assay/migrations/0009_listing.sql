-- What lists and counters read: a narrow row per vulnerability, so that half a million are looked through in a fraction
-- of a second, and what people marked as remediated.

-- `modified_at` and `published_at` are 1900 where nobody tells, `epss` is -1 where there is no score: sorted columns have
-- no nulls. `gravity` is the severity (0 nobody rated it, 1 none ... 5 critical) times 1,000, plus the CVSS score in
-- tenths and 1, or 0 without a score. `state` is 0 published, 1 disputed, 2 withdrawn, 3 rejected.
CREATE TABLE catalog.facets (
    vulnerability_id bigint PRIMARY KEY,
    modified_at timestamptz NOT NULL,
    published_at timestamptz NOT NULL,
    origins bigint NOT NULL,
    epss real NOT NULL,
    gravity smallint NOT NULL,
    state smallint NOT NULL,
    is_exploited boolean NOT NULL,
    needs_review boolean NOT NULL,
    is_remediated boolean NOT NULL,
    name text COLLATE "C" NOT NULL
);

-- The sources and ecosystems that vulnerabilities have, a few hundred different ones in all; `id` is made of them.
CREATE TABLE catalog.origins (
    id bigint PRIMARY KEY,
    sources text[] NOT NULL,
    ecosystems text[] NOT NULL
);

-- What people say is dealt with, by a name of the vulnerability: as a decision about names it outlives every merge.
CREATE TABLE catalog.remediations (
    identifier text PRIMARY KEY,
    note text NOT NULL,
    remediated_by text NOT NULL,
    remediated_at timestamptz NOT NULL
);
INSERT INTO catalog.remediations (identifier, note, remediated_by, remediated_at)
SELECT name, '', '', remediated_at FROM catalog.vulnerabilities WHERE remediated_at IS NOT NULL;

-- One row, counted up last in every transaction that changes what the catalog shows: two answers with the same number
-- were made of the same catalog. The change log's numbers cannot tell that, they become visible out of order.
CREATE TABLE catalog.editions (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    number bigint NOT NULL
);

CREATE TEMP TABLE known ON COMMIT DROP AS
SELECT v.id, v.sources, coalesce(a.ecosystems, '{}') AS ecosystems,
       ('x' || left(md5(array_to_string(v.sources, E'\n') || E'\n\n'
                        || array_to_string(coalesce(a.ecosystems, '{}'), E'\n')), 16))::bit(64)::bigint AS origins
FROM catalog.vulnerabilities AS v
LEFT JOIN (SELECT vulnerability_id, array_agg(DISTINCT ecosystem COLLATE "C" ORDER BY ecosystem COLLATE "C") AS ecosystems
           FROM catalog.affected GROUP BY vulnerability_id) AS a ON a.vulnerability_id = v.id;
ANALYZE known;

INSERT INTO catalog.origins (id, sources, ecosystems) SELECT DISTINCT origins, sources, ecosystems FROM known;

INSERT INTO catalog.facets
SELECT v.id, coalesce(v.modified_at, '1900-01-01 00:00:00+00'), coalesce(v.published_at, '1900-01-01 00:00:00+00'),
       known.origins, coalesce(v.epss, -1),
       coalesce(array_position(ARRAY['none', 'low', 'medium', 'high', 'critical'], v.severity), 0) * 1000
           + coalesce(round(v.cvss_score::numeric * 10) + 1, 0),
       array_position(ARRAY['published', 'disputed', 'withdrawn', 'rejected'], v.state) - 1,
       v.is_exploited, v.needs_review, v.remediated_at IS NOT NULL, v.name
FROM catalog.vulnerabilities AS v
JOIN known USING (id)
ORDER BY v.id;

CREATE INDEX facets_by_modified ON catalog.facets (modified_at, vulnerability_id);
CREATE INDEX facets_by_published ON catalog.facets (published_at, vulnerability_id);
CREATE INDEX facets_by_gravity ON catalog.facets (gravity, vulnerability_id);
CREATE INDEX facets_by_epss ON catalog.facets (epss, vulnerability_id);
CREATE INDEX facets_by_name ON catalog.facets (name, vulnerability_id);
CREATE INDEX facets_exploited ON catalog.facets (vulnerability_id) WHERE is_exploited;
-- How often each severity and score is, for the planner.
CREATE STATISTICS catalog.facets_severities ON (gravity / 1000) FROM catalog.facets;
CREATE STATISTICS catalog.facets_scores ON (gravity % 1000) FROM catalog.facets;
ANALYZE catalog.facets;

-- The narrow table has these in their stead.
DROP INDEX catalog.vulnerabilities_by_modified;
DROP INDEX catalog.vulnerabilities_exploited;
DROP INDEX catalog.vulnerabilities_by_epss;
DROP INDEX catalog.vulnerabilities_by_name;

-- What was changed of the settings at run time; everything else is as the file and the environment say.
CREATE TABLE jobs.choices (
    name text PRIMARY KEY,
    value jsonb NOT NULL,
    chosen_by text NOT NULL,
    chosen_at timestamptz NOT NULL DEFAULT now()
);
