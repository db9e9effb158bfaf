"""Names that people give.

In: names in all scripts. Out: normalised names, and the first invisible character.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.texts import first_invisible, normalized
from app.core.validation import checks
from tests.core.support.build import property_of

ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
GOOD = ["web", "v1 🚀", "Größe", "数据库", "שלום", "नमस्ते", "👩‍🚀", "👩🏽‍🚀", "❤️‍🔥", "👨‍👩‍👧‍👦", ENGLAND, "a–b", "1️⃣"]
BAD = [
    *("a\x1b[2J", "a\x07", "a\nb", "a\x7f", "a\x85b", "a\x9b2J", "a\x9d52;c;x\x9c", "\u202egnp.exe", "a\u202ab"),
    *("a\u2066b\u2069", "a\u200bb", "a\u200cb", "a\u200db", "a\u200d", "\u200da", "👩\u200d", "👩\u200da", "a\u200eb"),
    *("a\u2060b", "a\ufeffb", "a\u00adb", "a\u061cb", "a\u180eb", "a\u3164b", "a\u2028b", "a\U000e0041b"),
    "🏴a\U000e0067",
]


@pytest.mark.parametrize("name", GOOD)
def test_valid_names(name: str) -> None:
    assert first_invisible(name) is None
    assert list(checks.display_name(normalized(name), 100, "name")) == []


@pytest.mark.parametrize("name", BAD)
def test_invisible_characters_are_refused(name: str) -> None:
    assert first_invisible(name) is not None
    (problem,) = checks.display_name(name, 100, "name")
    assert "U+" in problem.message and problem.path == ("name",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [(" web ", "web"), ("\tweb\n", "web"), ("\u3000web\xa0", "web"), ("Gro\u0308\u00dfe", "Gr\u00f6\u00dfe"), ("", "")],
)
def test_confusable_names_have_one_normal_form(name: str, expected: str) -> None:
    assert normalized(name) == expected


@property_of
@given(st.text())
def test_normalizing_twice_changes_nothing(name: str) -> None:
    assert normalized(normalized(name)) == normalized(name) == normalized(f" {name}\n")
