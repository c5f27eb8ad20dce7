"""Fingerprints: equal for equal secrets, useless without the key, which only its owner can read."""

from concurrent.futures import ThreadPoolExecutor

from assay.kit.fingerprints import Fingerprints


def test_equal_secrets_have_equal_fingerprints(tmp_path):
    one = Fingerprints(tmp_path / "home" / "key")
    assert one("hunter2") == Fingerprints(tmp_path / "home" / "key")("hunter2")
    assert one("hunter2") != one("hunter3")
    assert len(one("hunter2")) == 16
    assert Fingerprints(tmp_path / "other")("hunter2") != one("hunter2")


def test_only_the_owner_can_read_the_key(tmp_path):
    Fingerprints(tmp_path / "key")("x")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "key").stat().st_size == 32
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_one_key_is_made_by_many(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: Fingerprints(tmp_path / "key")("x"), range(32)))
    assert len(found) == 1
