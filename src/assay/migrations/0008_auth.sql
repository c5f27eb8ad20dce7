-- Who may do what, and what they changed.

CREATE SCHEMA auth;

CREATE TABLE auth.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    principal_id bigint,
    name text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    address text
);
CREATE INDEX audit_by_name ON auth.audit (name, id);
CREATE INDEX audit_by_subject ON auth.audit (subject, id);
