"""Texts that look like secrets are hidden; all others stay unchanged."""

import pytest

from app.core.tokens import hide_tokens, marks_in

LONG = "aB3" * 20


def hidden(text: str) -> str:
    return hide_tokens(text, marks_in(text))


@pytest.mark.parametrize(
    "secret",
    [
        *(f"gh{kind}_{LONG}" for kind in "pousr"),
        f"github_pat_{LONG}",
        f"glpat-{LONG}",
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "AIza" + "x" * 35,
        "xoxb-123456789012-abcdef",
        f"npm_{LONG}",
        f"pypi-{LONG}",
        f"sk-{LONG}",
        f"sk_live_{LONG}",
        f"hvs.{LONG}",
        "dop_v1_" + "0f" * 32,
        f"bor_{LONG}",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "-----BEGIN RSA PRIVATE KEY-----MIIEpAIBAAKCAQEA0-----END RSA PRIVATE KEY-----",
    ],
)
def test_known_token_formats_are_hidden_anywhere(secret: str) -> None:
    assert hidden(secret) == "***"
    assert hidden(f'token="{secret}", again {secret}') == 'token="***", again ***'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abcdefghijklmnop1234", "Authorization: Bearer ***"),
        ("git clone https://user:pa55word@example.org/x.git", "git clone https://***@example.org/x.git"),
        ("postgres://boreas:s3cret@db:5432/boreas", "postgres://***@db:5432/boreas"),
    ],
)
def test_the_text_around_a_secret_stays(text: str, expected: str) -> None:
    assert hidden(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.org/path:80@tag",
        "https://example.org:8443/x",
        "ghp_short",
        "npm_config_registry=https://example.org",
        "the bearer of this",
        "task sk-1 of asia AKIA",
        "eyJ.eyJ.x",
        "see -----BEGIN CERTIFICATE-----",
    ],
)
def test_a_text_that_only_begins_like_a_token_stays(text: str) -> None:
    assert hidden(text) == text
