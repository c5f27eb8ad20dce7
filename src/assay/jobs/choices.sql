-- name: list_choices
-- What people changed of the settings at run time.
SELECT name, value, chosen_by, chosen_at FROM jobs.choices ORDER BY name;

-- name: find_choice
-- What people chose for one setting.
SELECT value FROM jobs.choices WHERE name = %(name)s::text;

-- name: choose
-- Writes down what somebody chose for a setting, in the place of what was chosen before.
INSERT INTO jobs.choices (name, value, chosen_by) VALUES (%(name)s::text, %(value)s::jsonb, %(by)s::text)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, chosen_by = excluded.chosen_by, chosen_at = now();

-- name: take_back
-- Forgets what was chosen for a setting.
DELETE FROM jobs.choices WHERE name = %(name)s::text;
