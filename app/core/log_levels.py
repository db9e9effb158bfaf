"""Log levels of printed lines: by the formats of common loggers and tools, else by the stream.

A level stands at the beginning of a line, perhaps after a time, a name in brackets or a process number; in a pair such
as `level=error`; or in a JSON field. A word in a sentence is not a level.
"""

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from app.core import escapes


class LogLevel(StrEnum):
    """The level of a line."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class Stream(StrEnum):
    """The source of a line: one of the command's two streams, or Boreas itself."""

    STDOUT = "STDOUT"
    STDERR = "STDERR"
    SYSTEM = "SYSTEM"


_BY_STREAM = {Stream.STDOUT: LogLevel.INFO, Stream.STDERR: LogLevel.WARN, Stream.SYSTEM: LogLevel.INFO}


def _named(debug: str, info: str, warn: str, error: str) -> dict[str, LogLevel]:
    levels = zip(LogLevel, (debug, info, warn, error), strict=True)
    return {name: level for level, names in levels for name in names.split()}


_NAMES = _named("TRACE DEBUG", "INFO NOTICE", "WARN WARNING", "ERROR ERR FATAL CRITICAL PANIC SEVERE CRIT EMERG")
"""Full names, which count in every format."""
_SHORT = _named("TRC DBG VRB DEBU TRAC DBUG TRCE VERBOSE", "INF", "WRN", "ERRO FTL FATA PANI FAIL EMERGENCY ALERT")
"""Short names, which count only after a time, in JSON, or in the format of one logger."""
_ALL = (
    _NAMES | _SHORT | _named("D FINE FINER FINEST SILLY", "I INFORMATION INFORMATIONAL HTTP LOG", "W", "E F EXCEPTION")
)
_SYSLOG = (*(LogLevel.ERROR,) * 4, LogLevel.WARN, LogLevel.INFO, LogLevel.INFO, LogLevel.DEBUG)

_PLAIN = "|".join(_NAMES)
_TIMED_NAMES = "|".join((*_NAMES, *_SHORT))
_TIME = r"\d{1,2}:\d\d(?::\d\d)?\S*+"
_DATE = rf"\[?(?:\d{{4}}[-/]\d\d[-/]\d\d[T ])?(?:{_TIME}\s+)?"
_UPPER = re.compile(rf"^\s*{_DATE}[\[(<]?({_PLAIN})(?:[\])>:\s,]|!\s|$)")
_BRACKETED = re.compile(rf"^\s*{_DATE}(?:\[({_PLAIN})\s*\]|({_PLAIN}):)", re.IGNORECASE)
_LEAD = (
    rf"^\s*+(?:\[?(?:\d{{4}}[-/]\d\d[-/]\d\d[T ]\s*+)?{_TIME}|\[[^\[\]]{{1,80}}+\])"
    r"(?:\s*+(?:\[[^\[\]]{0,80}+\]|\d++\s|UTC|GMT|AM|PM|[|-])){0,5}?"
)
_AFTER_TIME = re.compile(rf"{_LEAD}\s*+:?\s*+(?:\w++\.)?[\[(<]?(?:[\w-]++:)?({_TIMED_NAMES})(?:\s*+[\])>|]|[:/,]|\s|$)")
_AFTER_TIME_ANY = re.compile(rf"{_LEAD}\s*+(?:\[(?:[\w-]++:)?({_PLAIN})\s*+\]|({_PLAIN}):)", re.IGNORECASE)
_CELERY = re.compile(rf"^\s*\[[\d:., T/-]{{8,40}}: ({_PLAIN})/")
_KEYED = re.compile(rf"(?<![\w-])(?:level|lvl|severity)=\"?({_PLAIN})\b", re.IGNORECASE)
_KLOG = re.compile(r"^([IWEF])\d{4}(?:\d{4})? \d\d:\d\d:\d\d(?:\.\d{1,9})?\s")
_RUBY = re.compile(r"^([DIWEF]), \[\d{4}-")
_LOGRUS = re.compile(r"^(TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI)\[[\d:TZ+-]{4,30}\]")
_NPM = re.compile(r"^npm (ERR|error|WARN|warn|notice|info|verb)(?:!|\s)")
_DOTNET = re.compile(r"^(trce|dbug|fail|crit): ")
_GITHUB = re.compile(r"^(?:::|##\[)(error|warning|notice|debug)(?:::|\]| [^:]{0,200}::)")
_COMPILER = re.compile(r"^[^\s:()]{1,200}(?::\d+(?::\d+)?|\(\d+(?:,\d+)?\)): (?:fatal )?(error|warning)\b[: ]")
_RUSTC = re.compile(r"^(error|warning)\[[A-Z]?\d+\]:")
_MAKE = re.compile(r"^g?make(?:\[\d+\])?: \*\*\* ")
_SYSTEMD = re.compile(r"^<(\d{1,3})>")
_BEFORE_JSON = re.compile(r"^\s*+(?:[\w.-]++\s*+\||[\[\d][\d:.,/TZ+\[\] -]*+)?\s*+")
_FORMATS = {
    **dict.fromkeys("IWEF", (_KLOG, _RUBY, _LOGRUS)),
    **dict.fromkeys("TDP", (_RUBY, _LOGRUS)),
    "n": (_NPM,),
    **dict.fromkeys("tdfc", (_DOTNET,)),
    **dict.fromkeys(":#", (_GITHUB,)),
    **dict.fromkeys("ew", (_RUSTC,)),
}
"""The formats of single tools, by the first letter of a line."""
_OTHER_NAMES = {"VERB": "DEBUG"}
_JSON_KEYS = (
    *("level", "severity", "levelname", "lvl", "log.level", "loglevel", "log_level", "LogLevel", "Level", "@level"),
    *("@l", "severity_text", "severityText"),
)
_LOWEST_NUMBERS = ((50, LogLevel.ERROR), (40, LogLevel.WARN), (30, LogLevel.INFO), (10, LogLevel.DEBUG))
"""The lowest number of each level in bunyan and pino."""
MAX_NUMBER = 99
FACILITIES = 24
"""Facilities of syslog, each with eight levels."""
JSON_REACH = 128
"""The latest index at which the JSON of a line may begin."""


def level_of(message: str, stream: Stream) -> LogLevel:
    """Return the level that a line names, else the level of its stream.

    A line on stderr without a level is a warning, as commands write both progress and errors there.
    """
    head = message[:256]
    level = _json_level(escapes.strip(message)) if "{" in head[:JSON_REACH] else None
    if level is None and _may_name_level(head):
        if "\x1b" in head:
            head = escapes.strip(message[:1024])[:256]
        level = _text_level(head)
    return level or _BY_STREAM[stream]


def _may_name_level(head: str) -> bool:
    """Tell quickly whether a text may name a level; parsing takes ten times as long and rarely finds one."""
    low = head.lower()
    return (
        "err" in low
        or "inf" in low
        or "warn" in low
        or "debu" in low
        or "notice" in low
        or "trace" in low
        or "fatal" in low
        or "crit" in low
        or "panic" in low
        or ((may_name_rare := _RARE.get(head[:1])) is not None and may_name_rare(low))
    )


def _has_short_name(low: str) -> bool:
    return "wrn" in low or "dbg" in low or "ftl" in low or "trc" in low or "vrb" in low or "severe" in low


def _begins(*starts: str) -> Callable[[str], bool]:
    return lambda low: low.startswith(starts)


def _is_klog(low: str) -> bool:
    return low[1:2].isdigit() or low[1:2] == "," or low.startswith(("fata[", "emerg"))


_RARE: Mapping[str, Callable[[str], bool]] = {
    **dict.fromkeys("[0123456789 \t\x1b", _has_short_name),
    **dict.fromkeys("IWEFD", _is_klog),
    "<": lambda low: low[1:2].isdigit(),
    "n": _begins("npm "),
    **dict.fromkeys("tdf", _begins("dbug:", "trce:", "fail:")),
    **dict.fromkeys("gm", lambda low: ": *** " in low),
    **dict.fromkeys("Ss", _begins("severe")),
    **dict.fromkeys("TP", _begins("trac[", "pani[")),
}
"""Tests for the less common names and formats, by the first letter of a line."""


def _text_level(head: str) -> LogLevel | None:
    """Return the level that a text without escape sequences names."""
    match = _UPPER.match(head) or _BRACKETED.match(head) or ("=" in head and _KEYED.search(head)) or None
    if match is None:
        start = head.lstrip()[:1]
        if start.isdigit() or start == "[":
            match = _AFTER_TIME.match(head) or _AFTER_TIME_ANY.match(head) or _CELERY.match(head)
        elif start == "<":
            number = _SYSTEMD.match(head)
            return _SYSLOG[int(number[1]) % 8] if number and int(number[1]) < FACILITIES * 8 else None
        elif start in _FORMATS:
            match = next((found for pattern in _FORMATS[start] if (found := pattern.match(head))), None)
        if match is None and (": error" in head or ": warning" in head or ": fatal error" in head):
            match = _COMPILER.match(head)
    if match is not None:
        return _of_name(next(group for group in match.groups() if group))
    if " - " in head:
        return _between_dashes(head)
    return LogLevel.ERROR if ": *** " in head and _MAKE.match(head) else None


def _of_name(name: str) -> LogLevel | None:
    name = name.upper()
    return _ALL.get(_OTHER_NAMES.get(name, name))


def _between_dashes(head: str) -> LogLevel | None:
    """Return the level of `time - name - LEVEL - message`, a common format of Python loggers."""
    parts = head.split(" - ", 4)
    for index, part in enumerate(parts[:4]):
        name = part.strip()
        if name in _NAMES:
            return _NAMES[name] if index < len(parts) - 1 else None
        if " " in name and not name[:1].isdigit() and not name.startswith("["):
            return None
    return None


def _json_level(message: str) -> LogLevel | None:
    begin = message.find("{", 0, JSON_REACH)
    if begin < 0 or not message.rstrip().endswith("}") or (begin and not _BEFORE_JSON.fullmatch(message, 0, begin)):
        return None
    try:
        value = json.loads(message[begin:])
    except (ValueError, RecursionError):
        return None
    return _of_json(value) if isinstance(value, dict) else None


def _of_json(value: Mapping[str, Any]) -> LogLevel | None:
    inner = value.get("log")
    level = next((value[key] for key in _JSON_KEYS if key in value), None)
    if level is None and isinstance(inner, dict):
        level = inner.get("level")
    if isinstance(level, str):
        return _of_name(level.strip()) if len(level) < JSON_REACH else None
    if not isinstance(level, int | float) or isinstance(level, bool):
        return None
    if "short_message" in value and 0 <= level < len(_SYSLOG):
        return _SYSLOG[int(level)]
    return next((name for lowest, name in _LOWEST_NUMBERS if lowest <= level <= MAX_NUMBER), None)
