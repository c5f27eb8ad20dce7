-- How many vulnerabilities are alike in everything that is counted, kept up while they are written: the figures of half a
-- million are then read off a few thousand rows.

-- What is counted of a vulnerability, in one number: its severity times 16, and four marks. `high_epss` is a score from 0.1.
CREATE FUNCTION catalog.kind_of(
    gravity smallint, is_exploited boolean, epss real, needs_review boolean, is_remediated boolean
) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT gravity / 1000 * 16 + CASE WHEN is_exploited THEN 8 ELSE 0 END + CASE WHEN epss >= 0.1::real THEN 4 ELSE 0 END
       + CASE WHEN needs_review THEN 2 ELSE 0 END + CASE WHEN is_remediated THEN 1 ELSE 0 END
$$;

-- The numbers of rows with the same first three columns add up, and some are negative: whoever writes facets adds rows here
-- and changes none, so that two merges never wait for each other. `fold_tallies` makes one row of several.
CREATE TABLE catalog.tallies (
    origins bigint NOT NULL,
    kind integer NOT NULL,
    state smallint NOT NULL,
    number bigint NOT NULL
);

CREATE FUNCTION catalog.tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO catalog.tallies
        SELECT f.origins, catalog.kind_of(f.gravity, f.is_exploited, f.epss, f.needs_review, f.is_remediated), f.state,
               count(*)
        FROM fresh AS f GROUP BY 1, 2, 3;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO catalog.tallies
        SELECT f.origins, catalog.kind_of(f.gravity, f.is_exploited, f.epss, f.needs_review, f.is_remediated), f.state,
               -count(*)
        FROM gone AS f GROUP BY 1, 2, 3;
    ELSE
        INSERT INTO catalog.tallies
        SELECT f.origins, catalog.kind_of(f.gravity, f.is_exploited, f.epss, f.needs_review, f.is_remediated), f.state,
               sum(f.number)
        FROM (SELECT *, 1 AS number FROM fresh UNION ALL SELECT *, -1 FROM gone) AS f
        GROUP BY 1, 2, 3 HAVING sum(f.number) <> 0;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER tally_fresh AFTER INSERT ON catalog.facets
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION catalog.tally();
CREATE TRIGGER tally_gone AFTER DELETE ON catalog.facets
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION catalog.tally();
CREATE TRIGGER tally_changed AFTER UPDATE ON catalog.facets
    REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION catalog.tally();

CREATE FUNCTION catalog.tally_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM catalog.tallies;
    RETURN NULL;
END
$$;
CREATE TRIGGER tally_emptied AFTER TRUNCATE ON catalog.facets
    FOR EACH STATEMENT EXECUTE FUNCTION catalog.tally_nothing();

INSERT INTO catalog.tallies
SELECT origins, catalog.kind_of(gravity, is_exploited, epss, needs_review, is_remediated), state, count(*)
FROM catalog.facets GROUP BY 1, 2, 3;

-- What became known to be exploited last.
CREATE INDEX vulnerabilities_newly_exploited ON catalog.vulnerabilities (exploited_on DESC NULLS LAST, id DESC)
    WHERE is_exploited AND state IN ('published', 'disputed');
