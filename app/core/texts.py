"""Texts from people: normalised names, and characters that are invisible or control a terminal."""

import re
from unicodedata import category, is_normalized, normalize

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
JOINER = "\u200d"
FLAG, FIRST_TAG, LAST_TAG = "\U0001f3f4", "\U000e0020", "\U000e007f"
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_MODIFIERS = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]*\\Z")


def normalized(name: str) -> str:
    """Return a name as it is stored: in NFC, without surrounding spaces. Names that look alike are equal."""
    name = name.strip()
    return name if name.isascii() or is_normalized("NFC", name) else normalize("NFC", name)


def sentence(text: str) -> str:
    """Return a text of a command or a person as a sentence: stripped and with a final full stop."""
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?", "…")) else f"{stripped}."


def first_invisible(name: str) -> str | None:
    """Return the first invisible character: a control, a direction mark or a zero-width character.

    Characters that join or modify emoji are allowed.
    """
    if name.isascii() and name.isprintable():
        return None
    return next((match[0] for match in _INVISIBLE.finditer(name) if not _is_of_emoji(name, match.start())), None)


def _is_of_emoji(name: str, at: int) -> bool:
    if name[at] == JOINER:
        before = _MODIFIERS.sub("", name[max(0, at - 3) : at])
        return category(before[-1:] or " ") == "So" and category(name[at + 1 : at + 2] or " ") == "So"
    if FIRST_TAG <= name[at] <= LAST_TAG:
        flag = name.rfind(FLAG, max(0, at - 8), at)
        return flag >= 0 and all(FIRST_TAG <= letter < LAST_TAG for letter in name[flag + 1 : at])
    return False
