-- The claim as it was just read stands in a file of the machine that read it; the mark says where (docs/decisions, 0014).
-- Claims that are marked now are read from their raw records.
ALTER TABLE catalog.dirty_claims
    DROP COLUMN reading,
    ADD COLUMN spool_file text,
    ADD COLUMN spool_at bigint,
    ADD COLUMN spool_bytes bigint,
    ADD COLUMN spool_checksum bigint;
