"""What is decided about names, passwords, waiting and roles."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.auth.model import Kind, Policy, Principal, Role, Scope
from assay.auth.rules import (
    Admitting,
    admit,
    check_grant,
    check_password,
    checked_name,
    lesser,
    network_of,
    wait_after,
)
from assay.errors import Forbidden, Permanent

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLAIMS = {"sub": "7", "preferred_username": "ada", "email": "ada@example.org", "email_verified": True}


@pytest.mark.parametrize(
    ("given", "kept"), [("ada", "ada"), (" ada.l@example.org ", "ada.l@example.org"), ("\uff21da", "Ada")]
)
def test_names(given, kept):
    assert checked_name(given) == kept


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "a\nb", "<a>", "a" * 101, "a\0"])
def test_what_is_no_name(name):
    with pytest.raises(Permanent):
        checked_name(name)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "at least 12"),
        ("a" * 1025, "at most"),
        ("abababababab", "pattern"),
        ("ada-lovelace-1", "name"),
    ],
)
def test_passwords_that_are_easy_to_guess(password, said):
    with pytest.raises(Permanent, match=said):
        check_password(password, "ada-lovelace", Policy())


def test_a_password_of_words_will_do():
    check_password("correct horse battery", "ada", Policy())


@given(failures=st.integers(0, 10_000), free=st.integers(1, 50), ago=st.integers(0, 100_000))
def test_waiting_begins_late_and_ends_soon(failures, free, ago):
    wait = wait_after(failures, free, NOW - timedelta(seconds=ago), NOW)
    assert timedelta(0) <= wait <= timedelta(minutes=5)
    if failures < free or ago >= 300:
        assert not wait
    assert wait <= wait_after(failures + 1, free, NOW - timedelta(seconds=ago), NOW)


def test_nobody_waits_who_has_not_tried():
    assert not wait_after(0, 5, None, NOW)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        (None, "unknown"),
    ],
)
def test_by_what_addresses_are_counted(address, counted):
    assert network_of(address) == counted


@given(one=st.sampled_from(Role), other=st.sampled_from([None, *Role]))
def test_the_lesser_role_is_one_of_both_and_in_both(one, other):
    found = lesser(one, other)
    assert one.includes(found)
    assert other is None or other.includes(found)
    assert found in {one, other}


def test_nobody_gives_away_more_than_they_have():
    analyst = Principal(Kind.PERSON, "ada", Role.ANALYST, 1)
    check_grant(analyst, Role.ANALYST, [])
    with pytest.raises(Forbidden):
        check_grant(analyst, Role.ADMIN, [])
    scoped = Principal(Kind.TOKEN, "ci", Role.ADMIN, 1, frozenset({Scope.ADMIN, Scope.READ}))
    check_grant(scoped, Role.ADMIN, [Scope.READ])
    for scopes in ([], [Scope.CHANGE], [Scope.READ, Scope.CHANGE]):
        with pytest.raises(Forbidden):
            check_grant(scoped, Role.VIEWER, scopes)


@pytest.mark.parametrize(
    ("admitting", "claims", "role"),
    [
        (Admitting(usual_role=Role.VIEWER), {}, Role.VIEWER),
        (Admitting(), {}, None),
        (
            Admitting(role_claim="groups", roles={"a": Role.ADMIN, "b": Role.VIEWER}),
            {"groups": ["b", "a"]},
            Role.ADMIN,
        ),
        (Admitting(role_claim="groups", roles={"a": Role.ADMIN}), {"groups": "a"}, Role.ADMIN),
        (Admitting(role_claim="x.y", roles={"a": Role.ADMIN}), {"x": {"y": ["a"]}}, Role.ADMIN),
        (
            Admitting(role_claim="https://x.y/z", roles={"a": Role.ADMIN}),
            {"https://x.y/z": ["a"]},
            Role.ADMIN,
        ),
        (Admitting(role_claim="groups", usual_role=Role.VIEWER), {"groups": [7, None]}, Role.VIEWER),
        (Admitting(domains=("EXAMPLE.org",), usual_role=Role.VIEWER), {}, Role.VIEWER),
    ],
)
def test_whom_the_settings_let_in(admitting, claims, role):
    found = admit("https://id.example.org", CLAIMS | claims, admitting)
    assert (found.name, found.subject, found.role) == ("ada", "7", role)
    assert found.is_role_told is (admitting.role_claim is not None)


@pytest.mark.parametrize(
    ("admitting", "claims"),
    [
        (Admitting(role_claim="groups", roles={"a": Role.ADMIN}), {"groups": ["c"]}),
        (Admitting(role_claim="groups.x", roles={"a": Role.ADMIN}), {"groups": ["a"]}),
        (Admitting(domains=("example.com",)), {}),
        (Admitting(domains=("example.org",)), {"email_verified": "true"}),
        (Admitting(domains=("example.org",)), {"email": "x@example.org.evil.example"}),
        (Admitting(domains=("example.org",)), {"email": None}),
        (Admitting(name_claims=("name",)), {"name": "A b"}),
        (Admitting(name_claims=("name",)), {}),
    ],
)
def test_whom_they_do_not(admitting, claims):
    with pytest.raises(Forbidden):
        admit("https://id.example.org", CLAIMS | claims, admitting)
