-- name: find_health
-- How the language model did lately.
SELECT place, failures, closed_until, last_error, failed_at, answered_at FROM feeds.model_health;
