"""Roles include each other in one order."""

import pytest

from assay.auth.model import PUBLIC, Kind, Principal, Role


@pytest.mark.parametrize(
    ("has", "may"),
    [
        (Role.VIEWER, {Role.VIEWER}),
        (Role.ANALYST, {Role.VIEWER, Role.ANALYST}),
        (Role.ADMIN, {Role.VIEWER, Role.ANALYST, Role.ADMIN}),
    ],
)
def test_a_role_includes_those_before_it(has, may):
    who = Principal(Kind.PERSON, "ada", has, 1)
    assert {role for role in Role if who.may(role)} == may


def test_the_public_may_nothing():
    assert not any(PUBLIC.may(role) for role in Role)
