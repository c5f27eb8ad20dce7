"""Arrays arrive in PostgreSQL as what was sent."""

import pytest

from assay.kit.arrays import ByteaArray, TextArray
from assay.kit.db import Connection


@pytest.mark.parametrize("values", [[], [b""], [None], [b"\x00\xff", None, b"x" * 70_000, b""]])
def test_bytes_come_back_as_they_were_sent(conn: Connection, values: list[bytes | None]):
    row = conn.execute("SELECT %s::bytea[], %s::text[]", (ByteaArray(values), ["a", "ü"])).fetchone()
    assert row == (values, ["a", "ü"])


@pytest.mark.parametrize("values", [[], [""], [None], ["ä", None, "x" * 70_000, ""]])
def test_texts_come_back_as_they_were_sent(conn: Connection, values: list[str | None]):
    row = conn.execute("SELECT %s::text[]", (TextArray(values),)).fetchone()
    assert row == (values,)
