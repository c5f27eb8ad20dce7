-- name: note_answer
-- The language model of this place answered: nothing is wrong with it.
INSERT INTO feeds.model_health AS h (place, failures, answered_at)
VALUES (%(place)s::text, 0, %(now)s::timestamptz)
ON CONFLICT (is_one) DO UPDATE
SET place = excluded.place, failures = 0, closed_until = NULL, last_error = NULL, failed_at = NULL,
    answered_at = excluded.answered_at;

-- name: note_failure
-- The language model of this place failed once more; how often in a row comes back.
INSERT INTO feeds.model_health AS h (place, failures, last_error, failed_at)
VALUES (%(place)s::text, 1, %(error)s::text, %(now)s::timestamptz)
ON CONFLICT (is_one) DO UPDATE
SET place = excluded.place, last_error = excluded.last_error, failed_at = excluded.failed_at,
    failures = CASE WHEN h.place = excluded.place THEN h.failures + 1 ELSE 1 END,
    closed_until = CASE WHEN h.place = excluded.place THEN h.closed_until END,
    answered_at = CASE WHEN h.place = excluded.place THEN h.answered_at END
RETURNING failures;

-- name: close_until
-- Nobody asks the language model of this place before then.
UPDATE feeds.model_health SET closed_until = %(until)s::timestamptz WHERE place = %(place)s::text;

-- name: let_one_through
-- Whoever is first after the rest tries again; the others wait as long as that may take.
UPDATE feeds.model_health SET closed_until = %(until)s::timestamptz
WHERE place = %(place)s::text AND closed_until <= %(now)s::timestamptz
RETURNING place;
