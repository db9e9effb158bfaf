"""Patterns of well-known secrets: text that looks like a token is masked in logs."""

import re

PATTERNS = {
    "ghp_": r"ghp_[A-Za-z0-9]{36,}",
    "gho_": r"gho_[A-Za-z0-9]{36,}",
    "ghu_": r"ghu_[A-Za-z0-9]{36,}",
    "ghs_": r"ghs_[A-Za-z0-9]{36,}",
    "ghr_": r"ghr_[A-Za-z0-9]{36,}",
    "github_pat_": r"github_pat_[A-Za-z0-9_]{22,}",
    "glpat-": r"glpat-[A-Za-z0-9_-]{20,}",
    "AKIA": r"\bAKIA[A-Z0-9]{16}\b",
    "ASIA": r"\bASIA[A-Z0-9]{16}\b",
    "AIza": r"\bAIza[A-Za-z0-9_-]{35}",
    "xox": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "npm_": r"\bnpm_[A-Za-z0-9]{36,}",
    "pypi-": r"\bpypi-[A-Za-z0-9_-]{32,}",
    "sk-": r"\bsk-[A-Za-z0-9_-]{32,}",
    "sk_live_": r"\bsk_live_[A-Za-z0-9]{16,}",
    "hvs.": r"\bhvs\.[A-Za-z0-9_-]{24,}",
    "dop_v1_": r"\bdop_v1_[a-f0-9]{64}",
    "bor_": r"\bbor_[A-Za-z0-9_-]{20,}",
    "eyJ": r"(?<![\w-])eyJ[A-Za-z0-9_-]{8,8192}+\.eyJ[A-Za-z0-9_-]{8,32768}+\.[A-Za-z0-9_-]{16,}",
    "://": r"(?<=://)[^\s/:@]{1,256}:[^\s/@]{1,256}(?=@)",
    "earer ": r"(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{16,}",
    "PRIVATE KEY-----": r"-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s]+(?:-----END [A-Z ]*PRIVATE KEY-----)?",
}
"""Patterns by a mark, a text that every match contains: tokens of GitHub, GitLab, AWS, Google,
Slack, npm, PyPI, Stripe, Vault, DigitalOcean and Boreas, JSON web tokens, passwords in URLs, bearer tokens, private
keys on one line.

Each pattern takes time linear in the text: a repetition is bounded, or nothing after it can fail, or no second match
can begin within it."""
_BY_LETTER = {
    letter: [mark for mark in PATTERNS if letter in mark and not ("_" in mark and letter == "-")] for letter in "_-"
}
_BY_LETTER[""] = [mark for mark in PATTERNS if "_" not in mark and "-" not in mark]
"""Marks by a rare letter that they contain: in a text without it, none of them can occur."""
_COMPILED = {mark: re.compile(pattern) for mark, pattern in PATTERNS.items()}
HIDDEN = "***"
REACH = 1024
"""Characters at the end of a text that are searched for the beginning of a token."""
_SPACE = re.compile(r"\s")


def marks_in(text: str) -> list[str]:
    """Return the marks in a text. A text of many lines costs hardly more than one line."""
    return [mark for letter, marks in _BY_LETTER.items() if letter in text for mark in marks if mark in text]


def partial_token_start(text: str) -> int:
    """Return where an unfinished token may begin at the end of a text, else the text's length."""
    start = max(0, len(text) - REACH)
    tail = text[start:]
    starts = [
        at for mark in marks_in(tail) if (at := tail.rfind(mark)) >= 0 and not _SPACE.search(tail, at + len(mark))
    ]
    return start + min(starts, default=len(tail))


def hide_tokens(text: str, marks: list[str]) -> str:
    """Return a line with `***` in place of all secrets that belong to one of the marks."""
    for mark in marks:
        if mark in text:
            text = _COMPILED[mark].sub(HIDDEN, text)
    return text
