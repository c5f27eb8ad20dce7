"""Least rights for a role of the database: to use the tables there are, and to change none of their shapes."""

from collections.abc import Collection

from psycopg import sql

from assay.errors import Permanent
from assay.kit.db import Connection
from assay.kit.migrate import HISTORY


def grant(conn: Connection, role: str, *, may_write: bool, private: Collection[str] = ()) -> None:
    """Let a role use every schema that migrations made, now and after later ones; what it had there before is taken.

    Who may not write is kept out of the `private` schemas. It owns nothing and creates nothing but temporary tables.
    `conn` is the owner's, in autocommit mode. Raises Permanent for a role that does not exist, that may do anything
    already, or that is this very owner.
    """
    _check(conn, role)
    schemas = [
        row[0]
        for row in conn.execute(
            "SELECT nspname FROM pg_namespace "
            "WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') "
            "AND pg_has_role(nspowner, 'USAGE') ORDER BY nspname"
        ).fetchall()
    ]
    name = sql.Identifier(role)
    tables = sql.SQL("SELECT, INSERT, UPDATE, DELETE, TRUNCATE" if may_write else "SELECT")
    sequences = sql.SQL("USAGE, SELECT" if may_write else "SELECT")
    with conn.transaction():
        for schema in schemas:
            statements = _taken()
            if may_write or schema not in private:
                statements += _given(may_write=may_write)
            for statement in statements:
                conn.execute(
                    statement.format(
                        role=name, schema=sql.Identifier(schema), tables=tables, sequences=sequences
                    )
                )
        database = sql.Identifier(conn.info.dbname)
        conn.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, name))
        conn.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM {}").format(database, name))
        if may_write:
            conn.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(database, name))
        conn.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(sql.SQL(HISTORY), name))


def _taken() -> list[sql.SQL]:
    return [
        sql.SQL("REVOKE ALL ON SCHEMA {schema} FROM {role}"),
        sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}"),
        sql.SQL("REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {role}"),
        sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} REVOKE ALL ON TABLES FROM {role}"),
        sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} REVOKE ALL ON SEQUENCES FROM {role}"),
    ]


def _given(*, may_write: bool) -> list[sql.SQL]:
    texts = [
        sql.SQL("GRANT USAGE ON SCHEMA {schema} TO {role}"),
        sql.SQL("GRANT {tables} ON ALL TABLES IN SCHEMA {schema} TO {role}"),
        sql.SQL("GRANT {sequences} ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"),
        sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {tables} ON TABLES TO {role}"),
        sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {sequences} ON SEQUENCES TO {role}"),
    ]
    if may_write:
        texts.append(sql.SQL("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}"))
    return texts


def _check(conn: Connection, role: str) -> None:
    row = conn.execute(
        "SELECT rolsuper OR rolcreaterole, rolname = current_user FROM pg_roles WHERE rolname = %s::text",
        (role,),
    ).fetchone()
    if row is None:
        raise Permanent(f"the database has no role {role}: make it with CREATE ROLE ... LOGIN PASSWORD ...")
    if row[1]:
        raise Permanent(f"{role} owns the tables and may do anything with them: name another role")
    if row[0]:
        raise Permanent(f"{role} is a superuser or makes roles, which no grant restricts: name another role")
