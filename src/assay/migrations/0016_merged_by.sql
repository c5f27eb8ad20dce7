-- By which rules and under which policy everything in the catalog was merged; empty where by several or nobody knows.
ALTER TABLE catalog.editions ADD COLUMN merged_by text NOT NULL DEFAULT '';
