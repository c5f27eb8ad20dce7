"""Sealed secrets: nobody without the key reads them, nobody puts them to something else, keys can be changed."""

import pytest

from assay.errors import Permanent
from assay.kit.sealing import Seals, new_key

SECRETS = {"Authorization": "Bearer hunter2"}


def test_only_the_key_opens_them(tmp_path):
    seals = Seals(tmp_path / "home" / "secrets.key")
    sealed = seals.seal("vendor", SECRETS)
    assert b"hunter2" not in sealed
    assert Seals(tmp_path / "home" / "secrets.key").open("vendor", sealed) == SECRETS
    assert (tmp_path / "home" / "secrets.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Permanent, match="sealed with a key that is not here"):
        Seals(tmp_path / "other.key").open("vendor", sealed)


def test_they_open_for_what_they_were_sealed_for_only(tmp_path):
    seals = Seals(tmp_path / "secrets.key")
    sealed = seals.seal("vendor", SECRETS)
    with pytest.raises(Permanent, match="sealed for something else"):
        seals.open("mine", sealed)
    with pytest.raises(Permanent):
        seals.open("vendor", sealed[:-1] + b"x")
    assert seals.seal("vendor", SECRETS) != sealed


def test_keys_of_the_settings_leave_no_file_and_can_be_changed(tmp_path):
    old, new = new_key(), new_key()
    sealed = Seals(tmp_path / "secrets.key", (old,)).seal("vendor", SECRETS)
    both = Seals(tmp_path / "secrets.key", (new, old))
    assert both.open("vendor", sealed) == SECRETS
    assert Seals(tmp_path / "secrets.key", (new,)).open("vendor", both.seal("vendor", SECRETS)) == SECRETS
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_none_is_told(tmp_path):
    with pytest.raises(Permanent, match="no Fernet key"):
        Seals(tmp_path / "secrets.key", ("hunter2",)).seal("vendor", SECRETS)
