"""What is hidden, and what is not; nothing that is hidden can be read in what stands in its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.splunk.secrets import may_hold_one, redacted


def mark(text: str) -> str:
    return f"fp{len(text)}"


@pytest.mark.parametrize(
    ("conf", "key", "value", "kind"),
    [
        ("server", "pass4SymmKey", "$7$RkFLRQ==", "encrypted"),
        ("server", "anything", "$1$abc=", "encrypted"),
        ("server", "pass4SymmKey", "changeme", "plain"),
        ("outputs", "sslPassword", "hunter22", "plain"),
        ("inputs", "token", "6f1a2b3c-0000-4000-8000-000000000000", "plain"),
        ("passwords", "password", "x", "plain"),
        ("authentication", "bindDNpassword", "hunter22", "plain"),
        ("some_ta", "client_secret", "hunter22", "plain"),
        ("some_ta", "user_password", "hunter22", "plain"),
        ("some_ta", "aws_secret_access_key", "hunter22", "plain"),
        ("some_ta", "api_key", "hunter22", "plain"),
        ("authorize", "password", "$7$abc", "encrypted"),
        ("server", "cert", "-----BEGIN RSA PRIVATE KEY-----\nabc", "pem"),
    ],
)
def test_a_secret(conf, key, value, kind):
    assert (
        redacted(conf, key, value, mark)
        == f"<redacted {kind} length={len(value)} fingerprint=fp{len(value)}>"
    )


@pytest.mark.parametrize(
    ("conf", "key", "value"),
    [
        ("authentication", "minPasswordLength", "8"),
        ("authentication", "passwordHashAlgorithm", "SHA512-crypt"),
        ("some_ta", "requires_token", "true"),
        ("some_ta", "password", ""),
        ("app", "reload.passwords", "simple"),
        ("eventgen", "token.0.token", r"\d+"),
        ("pytest-splunk-addon-data", "token.0.token", r"\d+"),
        ("authorize", "edit_token", "enabled_for_all"),
        ("inputs", "index", "secret"),
        ("props", "TRANSFORMS-token", "hide_token"),
        ("macros", "definition", "$7 is no secret$"),
    ],
)
def test_no_secret(conf, key, value):
    assert redacted(conf, key, value, mark) is None


def test_passwords_inside_of_values():
    found = redacted("outputs", "uri", "https://svc:hunter22@example.org/a", mark)
    assert found == "https://svc:<redacted plain length=8 fingerprint=fp8>@example.org/a"
    found = redacted("x", "headers", "Authorization: Bearer abcdefghijkl", mark)
    assert found == "Authorization: Bearer <redacted plain length=12 fingerprint=fp12>"
    assert redacted("x", "id", "key AKIAABCDEFGHIJKLMNOP", mark) == (
        "key <redacted plain length=20 fingerprint=fp20>"
    )
    assert redacted("inputs", "x", "https://example.org:8089/a@b", mark) is None


def test_lines_that_are_no_settings():
    assert may_hold_one("password: hunter22")
    assert not may_hold_one("| stats count by host")


@given(st.text(min_size=1).filter(lambda text: text.lower() not in redacted.__globals__["_HARMLESS_VALUES"]))
def test_nothing_of_a_password_is_left(value):
    found = redacted("server", "sslPassword", value, lambda _: "-")
    kind = "encrypted" if "encrypted" in found else "pem" if "pem" in found else "plain"
    assert found == f"<redacted {kind} length={len(value)} fingerprint=->"
