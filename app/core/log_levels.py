"""How much a printed line matters: what the line says of itself, as the common loggers and tools do, else its stream.

A level stands at the beginning of a line, maybe behind a time, a name in brackets or a process's number; in a pair such
as `level=error`; or in a field of JSON. A word in a sentence is none.
"""

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from app.core import escapes


class LogLevel(StrEnum):
    """How much a line matters."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class Stream(StrEnum):
    """Where a line came from: the command's own two streams, or Boreas speaking of the task."""

    STDOUT = "STDOUT"
    STDERR = "STDERR"
    SYSTEM = "SYSTEM"


_BY_STREAM = {Stream.STDOUT: LogLevel.INFO, Stream.STDERR: LogLevel.WARN, Stream.SYSTEM: LogLevel.INFO}


def _named(debug: str, info: str, warn: str, error: str) -> dict[str, LogLevel]:
    levels = zip(LogLevel, (debug, info, warn, error), strict=True)
    return {name: level for level, names in levels for name in names.split()}


_NAMES = _named("TRACE DEBUG", "INFO NOTICE", "WARN WARNING", "ERROR ERR FATAL CRITICAL PANIC SEVERE CRIT EMERG")
"""The levels that are spelt out in texts."""
_SHORT = _named("TRC DBG VRB DEBU TRAC DBUG TRCE VERBOSE", "INF", "WRN", "ERRO FTL FATA PANI FAIL EMERGENCY ALERT")
"""Those that stand only behind a time, in JSON, or in the form of one logger."""
_ALL = (
    _NAMES | _SHORT | _named("D FINE FINER FINEST SILLY", "I INFORMATION INFORMATIONAL HTTP LOG", "W", "E F EXCEPTION")
)
_SYSLOG = (*(LogLevel.ERROR,) * 4, LogLevel.WARN, LogLevel.INFO, LogLevel.INFO, LogLevel.DEBUG)

_PLAIN = "|".join(_NAMES)
_BEHIND_TIME = "|".join((*_NAMES, *_SHORT))
_TIME = r"\d{1,2}:\d\d(?::\d\d)?\S*+"
_DATE = rf"\[?(?:\d{{4}}[-/]\d\d[-/]\d\d[T ])?(?:{_TIME}\s+)?"
_UPPER = re.compile(rf"^\s*{_DATE}[\[(<]?({_PLAIN})(?:[\])>:\s,]|!\s|$)")
_BRACKETED = re.compile(rf"^\s*{_DATE}(?:\[({_PLAIN})\s*\]|({_PLAIN}):)", re.IGNORECASE)
_LEAD = (
    rf"^\s*+(?:\[?(?:\d{{4}}[-/]\d\d[-/]\d\d[T ]\s*+)?{_TIME}|\[[^\[\]]{{1,80}}+\])"
    r"(?:\s*+(?:\[[^\[\]]{0,80}+\]|\d++\s|UTC|GMT|AM|PM|[|-])){0,5}?"
)
_BEHIND = re.compile(rf"{_LEAD}\s*+:?\s*+(?:\w++\.)?[\[(<]?(?:[\w-]++:)?({_BEHIND_TIME})(?:\s*+[\])>|]|[:/,]|\s|$)")
_BEHIND_ANY = re.compile(rf"{_LEAD}\s*+(?:\[(?:[\w-]++:)?({_PLAIN})\s*+\]|({_PLAIN}):)", re.IGNORECASE)
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
_FORMS = {
    **dict.fromkeys("IWEF", (_KLOG, _RUBY, _LOGRUS)),
    **dict.fromkeys("TDP", (_RUBY, _LOGRUS)),
    "n": (_NPM,),
    **dict.fromkeys("tdfc", (_DOTNET,)),
    **dict.fromkeys(":#", (_GITHUB,)),
    **dict.fromkeys("ew", (_RUSTC,)),
}
"""The forms of single tools, by the first letter of a line."""
_OTHER_NAMES = {"VERB": "DEBUG"}
_JSON_KEYS = (
    *("level", "severity", "levelname", "lvl", "log.level", "loglevel", "log_level", "LogLevel", "Level", "@level"),
    *("@l", "severity_text", "severityText"),
)
_LEAST_NUMBERS = ((50, LogLevel.ERROR), (40, LogLevel.WARN), (30, LogLevel.INFO), (10, LogLevel.DEBUG))
"""The numbers of bunyan and pino, from which on they are of a level."""
MOST_NUMBER = 99
FACILITIES = 24
"""Of syslog; each has eight levels."""
JSON_REACH = 128
"""How far behind the beginning of a line its JSON may begin."""


def level_of(message: str, stream: Stream) -> LogLevel:
    """Return the level that a line names, else its stream's.

    What a command writes to stderr without a level counts as a warning: progress goes there as often as errors do.
    """
    head = message[:256]
    found = _json_level(escapes.strip(message)) if "{" in head[:JSON_REACH] else None
    if found is None and _may_name_one(head):
        if "\x1b" in head:
            head = escapes.strip(message[:1024])[:256]
        found = _stated(head)
    return found or _BY_STREAM[stream]


def _may_name_one(head: str) -> bool:
    """Tell whether there may be a level in a text: looking closer takes ten times as long, and is seldom worth it."""
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
        or ((seldom := _SELDOM.get(head[:1])) is not None and seldom(low))
    )


def _has_short_name(low: str) -> bool:
    return "wrn" in low or "dbg" in low or "ftl" in low or "trc" in low or "vrb" in low or "severe" in low


def _begins(*starts: str) -> Callable[[str], bool]:
    return lambda low: low.startswith(starts)


def _is_klog(low: str) -> bool:
    return low[1:2].isdigit() or low[1:2] == "," or low.startswith(("fata[", "emerg"))


_SELDOM: Mapping[str, Callable[[str], bool]] = {
    **dict.fromkeys("[0123456789 \t\x1b", _has_short_name),
    **dict.fromkeys("IWEFD", _is_klog),
    "<": lambda low: low[1:2].isdigit(),
    "n": _begins("npm "),
    **dict.fromkeys("tdf", _begins("dbug:", "trce:", "fail:")),
    **dict.fromkeys("gm", lambda low: ": *** " in low),
    **dict.fromkeys("Ss", _begins("severe")),
    **dict.fromkeys("TP", _begins("trac[", "pani[")),
}
"""Whether there may be one of the less usual levels, by the first letter of a line."""


def _stated(head: str) -> LogLevel | None:
    """Return the level that a text without escape sequences names."""
    found = _UPPER.match(head) or _BRACKETED.match(head) or ("=" in head and _KEYED.search(head)) or None
    if found is None:
        start = head.lstrip()[:1]
        if start.isdigit() or start == "[":
            found = _BEHIND.match(head) or _BEHIND_ANY.match(head) or _CELERY.match(head)
        elif start == "<":
            number = _SYSTEMD.match(head)
            return _SYSLOG[int(number[1]) % 8] if number and int(number[1]) < FACILITIES * 8 else None
        elif start in _FORMS:
            found = next((match for form in _FORMS[start] if (match := form.match(head))), None)
        if found is None and (": error" in head or ": warning" in head or ": fatal error" in head):
            found = _COMPILER.match(head)
    if found is not None:
        return _of_name(next(group for group in found.groups() if group))
    if " - " in head:
        return _between_dashes(head)
    return LogLevel.ERROR if ": *** " in head and _MAKE.match(head) else None


def _of_name(name: str) -> LogLevel | None:
    name = name.upper()
    return _ALL.get(_OTHER_NAMES.get(name, name))


def _between_dashes(head: str) -> LogLevel | None:
    """Return the level of `time - name - LEVEL - message`, as Python's loggers are often told to write."""
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
    found = next((value[key] for key in _JSON_KEYS if key in value), None)
    if found is None and isinstance(inner, dict):
        found = inner.get("level")
    if isinstance(found, str):
        return _of_name(found.strip()) if len(found) < JSON_REACH else None
    if not isinstance(found, int | float) or isinstance(found, bool):
        return None
    if "short_message" in value and 0 <= found < len(_SYSLOG):
        return _SYSLOG[int(found)]
    return next((level for least, level in _LEAST_NUMBERS if least <= found <= MOST_NUMBER), None)
