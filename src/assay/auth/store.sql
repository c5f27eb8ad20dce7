-- name: record_change
-- One row of the audit log.
INSERT INTO auth.audit (kind, principal_id, name, action, subject, detail, address)
VALUES (%(kind)s, %(principal_id)s, %(name)s, %(action)s, %(subject)s, %(detail)s, %(address)s);
