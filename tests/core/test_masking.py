"""Secrets in texts.

In: the variables of a command, and texts. Out: names of secrets, texts without their values, and an error if there are
too many to mask.
Tested: tables of names and texts; that no secret is left, and that a possible beginning of one is found.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.masking import MAX_CHARACTERS, MAX_LINES, MAX_SECRETS, Masker, masked_views, masking_limit_error
from app.core.secret_names import is_secret_name
from tests.core.support.build import property_of

TELLING = """
API_TOKEN DB_PASSWORD MY_SECRET apiKey GOOGLE_CREDENTIALS PRIVATE_KEY DB_PASS DBPASS PASSPHRASE SSH_KEY SSH_KEY_2 KEY
PIN SIGNING_KEY ENCRYPTION_KEYS AUTH BASIC_AUTH HTTP_AUTHORIZATION MYSQL_PWD PGPASS AWS_SECRET_ACCESS_KEY sshKey
TOKEN_PATH sessionCookie
"""
HARMLESS = """
PATH HOME LANG GREETING PWD OLDPWD AUTHOR AUTHORS KEYBOARD MONKEY COMPASS SSH_KEY_PATH KEY_FILE AUTH_URL SSH_AUTH_SOCK
PUBLIC_KEY AWS_ACCESS_KEY_ID PASS_COUNT AUTH_ENABLED KEY_TYPE BYPASS PASSENGER SPINNER _ 1
"""


@pytest.mark.parametrize("name", TELLING.split())
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", HARMLESS.split())
def test_harmless_names(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "secrets", "expected"),
    [
        ("token=hunter2", [], "token=hunter2"),
        ("token=hunter2", ["hunter2"], "token=***"),
        ("hunter2hunter2 hunter2", ["hunter2"], "****** ***"),
        ("a=one b=two", ["one", "two"], "a=*** b=***"),
        ("Hunter2", ["hunter2"], "Hunter2"),
        ("a.c abc", ["a.c"], "*** abc"),
        ("geheim-ü😀!", ["ü😀"], "geheim-***!"),
        ("", ["hunter2"], ""),
        ("plain", [""], "plain"),
        ("key=abcdef", ["abcdef", "abc"], "key=***"),
        ("key=abcdef", ["abc", "abcdef"], "key=***"),
        ("key=abcdef!", ["abcd", "cdef"], "key=***!"),
        ("1\nab\ncd\n2", ["ab\ncd"], "1\n***\n***\n2"),
        ("abc", ["ab\nc"], "abc"),
    ],
)
def test_secrets_are_masked(text: str, secrets: list[str], expected: str) -> None:
    assert Masker(tuple(secrets)).mask(text) == expected


@property_of
@given(st.text("abc \n"), st.lists(st.text("abc\n", min_size=1, max_size=3)))
def test_no_secret_is_left(text: str, secrets: list[str]) -> None:
    masked = Masker(tuple(secrets)).mask(text)
    assert not any(secret in masked for secret in secrets if secret.strip("\n"))
    assert masked.count("\n") == text.count("\n")


@property_of
@given(st.text("ab", max_size=20), st.lists(st.text("ab", min_size=1, max_size=8)))
def test_an_unfinished_secret_at_the_end_is_found(text: str, secrets: list[str]) -> None:
    open_ = [at for at in range(len(text)) if any(len(text) - at < len(s) and s.startswith(text[at:]) for s in secrets)]
    assert Masker(tuple(secrets)).partial_secret_start(text) == min(open_, default=len(text))


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        ("supersecret", "a supersecret b", "a *** b"),
        (" supersecret\n", "a supersecret b", "a *** b"),
        ("first-line\nshort\nsecond-line", "short second-line", "short ***"),
        ("first-line\r\nshort\r\nsecond-line", "first-line\nshort\nsecond-line", "***\n***\n***"),
        ("true", "true", "true"),
        ("production", "production", "production"),
        ("1", "1", "1"),
    ],
)
def test_which_lines_of_a_value_are_masked(value: str, text: str, expected: str) -> None:
    assert Masker.of({"A_TOKEN": value, "OTHER": "a"}).mask(text) == expected


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"PASSWORD": "x" * MAX_CHARACTERS}, None),
        ({"PASSWORD": "x" * (MAX_CHARACTERS + 1)}, "characters"),
        ({"PASSWORD": "\n".join(f"line-{n:04}" for n in range(MAX_LINES - 1))}, None),
        ({"PASSWORD": "\n".join(f"line-{n:04}" for n in range(18_000))}, "characters"),
        ({"PASSWORD": "\n".join(f"line-{n:04}" for n in range(MAX_LINES))}, "lines"),
        ({f"TOKEN_{n}": f"value-{n}" for n in range(MAX_SECRETS)}, None),
        ({f"TOKEN_{n}": f"value-{n}" for n in range(MAX_SECRETS + 1)}, "names"),
        ({f"NAME_{n}": f"value-{n}" for n in range(1000)}, None),
    ],
)
def test_how_many_can_be_masked(env: dict[str, object], message: str | None) -> None:
    why = masking_limit_error(env)
    assert why is None if message is None else message in str(why)


def test_audit_views_contain_no_secret_values() -> None:
    old = {"build": {"command": ["run", "--key=hunter2"], "env": {"A_TOKEN": "hunter2", "PIN": "1", "B": "b"}}}
    new = {"reason": "was hunter2, is hunter3", "tasks": [{"env": {"A_TOKEN": "hunter3"}}], "number": 1, "note": None}
    assert masked_views((old, new, None)) == (
        {"build": {"command": ["run", "--key=***"], "env": {"A_TOKEN": "***", "PIN": "***", "B": "b"}}},
        {"reason": "was ***, is ***", "tasks": [{"env": {"A_TOKEN": "***"}}], "number": 1, "note": None},
        None,
    )
