"""Log lines.

In: what a command prints, and on which stream. Out: the level of a line, the pieces that are stored, and whether a
filter admits a line.
Tested: a table of lines that name their level and of lines that only seem to; splitting, control characters and
progress bars.
"""

import json
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.log_levels import LogLevel, Stream, level_of
from app.core.logs import MAX_MESSAGE, LogFilter, LogLine, stored_messages
from tests.core.support.build import NOW, property_of

DEBUG, INFO, WARN, ERROR = LogLevel
OUT, ERR = Stream.STDOUT, Stream.STDERR
BY_STREAM = {Stream.STDOUT: INFO, Stream.STDERR: WARN, Stream.SYSTEM: INFO}
NAMES = {
    DEBUG: "TRACE DEBUG",
    INFO: "INFO NOTICE",
    WARN: "WARN WARNING",
    ERROR: "ERROR ERR FATAL CRITICAL PANIC",
}
TIMES = [
    "",
    "  ",
    "2030-01-02 ",
    "12:13:14 ",
    "12:13:14.567 ",
    "2030-01-02 12:13:14 ",
    "2030-01-02 12:13:14,567 ",
    "2030-01-02T12:13:14Z ",
    "2030-01-02T12:13:14.567+02:00 ",
]


@pytest.mark.parametrize("stream", Stream)
@pytest.mark.parametrize(("level", "name"), [(level, name) for level, names in NAMES.items() for name in names.split()])
def test_a_line_names_its_level_whatever_its_stream(level: LogLevel, name: str, stream: Stream) -> None:
    shapes = (
        "{0} it|{0}: it|[{0}] it|({0}) it|<{0}> it|{0}\tit|{0}, it|{0} - it|{0}|{0}:root:it|time=1 level={0} msg=it"
    )
    lines = [shape.format(name) for shape in shapes.split("|")]
    lines += [f"[{name.lower()}] it", f"{name.title()}: it", f'severity="{name.lower()}"', f"lvl={name.title()}"]
    assert {line: level_of(line, stream) for line in lines} == dict.fromkeys(lines, level)


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("text", ["ERROR it", "[ERROR] it", "ERROR: it", "[error] it", "error: it"])
def test_a_level_can_follow_a_time(time: str, text: str) -> None:
    assert level_of(time + text, OUT) is ERROR


@pytest.mark.parametrize(
    "line", ["[2030-01-02 12:13:14] ERROR: it", "[12:13:14] [ERROR] it", "[2030-01-02T12:13:14Z] ERROR it"]
)
def test_a_time_can_be_in_brackets(line: str) -> None:
    assert level_of(line, OUT) is ERROR


@pytest.mark.parametrize(
    "line",
    ["\x1b[31mERROR\x1b[0m it", "\x1b[1;31mError:\x1b[0m it", "[\x1b[31mERROR\x1b[m] it", "\x1b[31m[ERROR] it\x1b[0m"],
)
def test_a_level_can_be_coloured(line: str) -> None:
    assert level_of(line, OUT) is ERROR


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ({"level": "error"}, ERROR),
        ({"msg": "it", "level": "WARNING"}, WARN),
        ({"severity": "CRITICAL"}, ERROR),
        ({"levelname": "DEBUG"}, DEBUG),
        ({"lvl": "warn"}, WARN),
        ({"log.level": "fatal"}, ERROR),
        ({"level": "info", "msg": "ERROR: level=error"}, INFO),
        ({"level": "info", "severity": "error"}, INFO),
        ({"level": "loud"}, None),
        ({"level": 60, "msg": "it"}, ERROR),
        ({"level": 50}, ERROR),
        ({"level": 40.0}, WARN),
        ({"level": 35}, INFO),
        ({"level": 30}, INFO),
        ({"level": 20}, DEBUG),
        ({"level": 10}, DEBUG),
        ({"level": 3}, None),
        ({"level": 500}, None),
        ({"level": 1e300}, None),
        ({"level": True}, None),
        ({"short_message": "it", "level": 3}, ERROR),
        ({"short_message": "it", "level": 4}, WARN),
        ({"short_message": "it", "level": 7}, DEBUG),
        ({"@l": "Fatal"}, ERROR),
        ({"LogLevel": "Information"}, INFO),
        ({"@level": "trace"}, DEBUG),
        ({"severity_text": "ERROR"}, ERROR),
        ({"log": {"level": "error"}}, ERROR),
        ({"level": "wrn"}, WARN),
        ({"level": None}, None),
        ({"level": ["error"]}, None),
        ({"inner": {"level": "error"}}, None),
        ({"msg": "error"}, None),
        ({}, None),
    ],
)
def test_json_names_its_level_in_a_field_of_its_own(value: object, level: LogLevel | None) -> None:
    line = json.dumps(value)
    assert [level_of(line, stream) for stream in Stream] == [level or BY_STREAM[stream] for stream in Stream]


LOGGERS = r"""
ERROR klog: E0102 15:04:05.123456   12345 controller.go:114] it broke
WARN  klog: W0102 15:04:05.123456       1 reflector.go:424] it
INFO  klog: I0102 15:04:05.123456       1 main.go:1] error: nothing
ERROR glog: F20260102 15:04:05.123456 12345 file.cc:7] it
ERROR npm: npm ERR! code ELIFECYCLE
ERROR npm 10: npm error code E404
WARN  npm: npm WARN deprecated har-validator@5.1.5
WARN  npm 10: npm warn deprecated inflight@1.0.6
INFO  npm: npm notice created a lockfile
DEBUG npm: npm verb cli /usr/bin/node
ERROR Python: 2026-01-02 15:04:05,123 - my.module - ERROR - it broke
WARN  Python: 2026-01-02 15:04:05,123 - root - WARNING - it
DEBUG Python: my.module - DEBUG - it
ERROR Python: ERROR:root:it broke
ERROR Python: [2026-01-02 15:04:05,123] ERROR in app: it broke
ERROR uvicorn: ERROR:    Exception in ASGI application
ERROR log4j: 2026-01-02 15:04:05,123 ERROR [main] org.example.Main - it broke
ERROR logback: 15:04:05.123 [main] ERROR org.example.Main - it broke
WARN  log4j: 2026-01-02 15:04:05.123 [http-nio-8080-exec-1] WARN  o.e.Main - it
INFO  Spring: 2026-01-02T15:04:05.123+01:00  INFO 12345 --- [main] o.e.Main : no ERROR
ERROR Spring: 2026-01-02T15:04:05.123Z ERROR 1 --- [main] o.e.Main : it broke
ERROR java.util.logging: SEVERE: it broke
ERROR env_logger: [2026-01-02T15:04:05Z ERROR my_crate::net] it broke
ERROR tracing: 2026-01-02T15:04:05.123456Z ERROR my_crate: it broke
ERROR rustc: error[E0308]: mismatched types
WARN  rustc: warning: unused variable
ERROR zerolog: 3:04PM ERR it broke
WARN  zerolog: 2026-01-02T15:04:05Z WRN it
INFO  zerolog: 2026-01-02T15:04:05Z INF it
ERROR zap: 2026-01-02T15:04:05.123Z	ERROR	main.go:1	it broke
ERROR logrus: time="2026-01-02T15:04:05Z" level=error msg="it broke"
ERROR logrus: ERRO[0001] it broke
WARN  logrus: WARN[0000] it
ERROR slog: time=2026-01-02T15:04:05.123Z level=ERROR msg="it broke"
ERROR slog: 2026/01/02 15:04:05 ERROR it broke
ERROR nginx: 2026/01/02 15:04:05 [error] 123#0: *1 open() failed
ERROR Apache: [Fri Jan 02 15:04:05.123 2026] [core:error] [pid 1] it broke
ERROR Envoy: [2026-01-02 15:04:05.123][1][error][main] [source/main.cc:1] it broke
ERROR MySQL: 2026-01-02T15:04:05.123456Z 0 [ERROR] [MY-010119] it broke
ERROR PostgreSQL: 2026-01-02 15:04:05.123 UTC [123] ERROR:  relation does not exist
ERROR loguru: 2026-01-02 15:04:05.123 | ERROR    | __main__:main:1 - it broke
ERROR Serilog: [15:04:05 ERR] it broke
INFO  Serilog: [15:04:05 INF] it
ERROR Celery: [2026-01-02 15:04:05,123: ERROR/MainProcess] it broke
ERROR Monolog: [2026-01-02 15:04:05] production.ERROR: it broke
ERROR Ruby: E, [2026-01-02T15:04:05.123456 #123] ERROR -- : it broke
WARN  Ruby: W, [2026-01-02T15:04:05.123456 #123]  WARN -- : it
ERROR .NET: fail: Microsoft.Hosting.Lifetime[0]
ERROR .NET: crit: it broke
DEBUG .NET: dbug: it
DEBUG .NET: trce: it
ERROR GitHub: ::error::it broke
ERROR GitHub: ::error file=a.py,line=1::it broke
WARN  GitHub: ::warning file=a.py::it
DEBUG GitHub: ::debug::it
ERROR Azure: ##[error]it broke
ERROR systemd: <3>it broke
WARN  systemd: <4>it
DEBUG systemd: <7>it
ERROR syslog: <11>1 2026-01-02T15:04:05Z host app - - - it broke
ERROR gcc: src/main.c:12:5: error: expected ;
WARN  gcc: src/main.c:12:5: warning: unused variable
ERROR gcc: src/main.c:1:10: fatal error: x.h: No such file
ERROR MSBuild: Program.cs(12,5): error CS1002: ; expected
ERROR make: make[1]: *** [Makefile:3: all] Error 2
ERROR Maven: [ERROR] Failed to execute goal
ERROR Ansible: ERROR! the playbook could not be found
ERROR git: fatal: not a git repository
ERROR Terraform: Error: Invalid reference
ERROR compose: web-1  | {"level":"error","msg":"it broke"}
WARN  docker: 2026-01-02T15:04:05.123Z {"level":"warning","msg":"it"}
ERROR coloured: \x1b[90m15:04:05\x1b[0m \x1b[31mERR\x1b[0m it broke
"""


@pytest.mark.parametrize("row", LOGGERS.strip().split("\n"))
def test_levels_of_common_loggers_and_tools(row: str) -> None:
    level, line = row[:6].strip(), row[6:].partition(": ")[2].encode().decode("unicode_escape")
    assert [level_of(line, stream) for stream in Stream] == [LogLevel(level)] * 3


PROSE = """
no error found
error rate 0
0 errors, 3 warnings
errors=0 warnings=0
there was no ERROR - really - today
We saw - ERROR - in it once
fail to plan, plan to fail
fails: 0
Failed: 0, passed: 12
critical path is 3 tasks
12:00 error rate is 0.1%
[1/5] error handling is compiled
[main] errors are handled
[12%] Building CXX object src/error.cc.o
10:30 warnings are off
2026-01-02 15:04:05 no error found
2026-01-02 15:04:05 [main] error budget is fine
E0102 is a code
E1234
W3C validates it
I0 is idle
npm install errors
npm run error-report
make: Nothing to be done for 'all'.
make all *** later
<b>error</b>
<300>x
<div>
::errors::
: error
error[0] is the first
see https://example.com:443: error pages
main.c:12: errors are possible
got {"level":"error"} from the upstream
the answer was {"level": 50}
F, [2] is a list
I, [robot]
infoleak
fatalities: 0
alert: none
""".strip().split("\n")


@pytest.mark.parametrize("line", PROSE)
def test_a_word_in_a_sentence_is_no_level(line: str) -> None:
    assert [level_of(line, stream) for stream in Stream] == [BY_STREAM[stream] for stream in Stream]


@pytest.mark.parametrize("line", ['{"level": "error"', "{level: error}", "{" * 100_000, '{"a": ' * 50_000, "{}}"])
def test_invalid_json_has_the_level_of_its_stream(line: str) -> None:
    assert (level_of(line, OUT), level_of(line, ERR)) == (INFO, WARN)


@pytest.mark.parametrize(
    "line",
    [
        "",
        " ",
        "errors: 0",
        "Errors: 0, warnings: 0",
        "ERRORS: 0",
        "0 errors, 0 warnings",
        "no error",
        "Error handling is enabled",
        "error handler registered",
        "Information follows",
        "info about it",
        "Warnings are off",
        "panicking is not an option",
        "debugging symbols stripped",
        "tests/test_error.py::test_error PASSED",
        "compiling error.c",
        "error.log rotated",
        "ERROR_COUNT=0",
        "DEBUG=1 make",
        "ERRATA",
        "INFORMATION",
        "ERROR-free build",
        "INFO-123 is fixed",
        "it said ERROR: no",
        "it said [ERROR]",
        "12 ERROR",
        "sublevel=error",
        "log_level=error",
        "level=errors",
        "levels=error",
        "docker run app --log-level=error",
        "x" * 300 + " level=error",
        "\x1b[31mred\x1b[0m",
        '"level": "error"',
    ],
)
def test_plain_words_are_no_level(line: str) -> None:
    assert [level_of(line, stream) for stream in Stream] == [BY_STREAM[stream] for stream in Stream]


@property_of
@given(st.text(max_size=300), st.sampled_from(Stream))
def test_every_line_has_a_level(line: str, stream: Stream) -> None:
    assert level_of(line, stream) in LogLevel
    assert level_of("[ERROR] " + line, stream) is ERROR


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("plain", ["plain"]),
        ("", [""]),
        ("\n", [""]),
        ("\r\n", [""]),
        ("line\n", ["line"]),
        ("line\r\n", ["line"]),
        ("line\r", ["line"]),
        (" \tspaces \t", [" \tspaces \t"]),
        ("10%\r50%\r100%\n", ["100%"]),
        ("10%\r50%\r100%\r\n", ["100%"]),
        ("10%\r100%\r", ["100%"]),
        ("a\0b", ["a\ufffdb"]),
        ("\0", ["\ufffd"]),
        ("bell\a back\b del\x7f", ["bell\ufffd back\ufffd del\ufffd"]),
        ("\x85", ["\ufffd"]),
        ("\x9b2J", [""]),
        ("\x1b[31mred\x1b[0m", ["\x1b[31mred\x1b[0m"]),
        ("😀 grün 日本", ["😀 grün 日本"]),
    ],
)
def test_stored_messages_of_a_line(text: str, stored: list[str]) -> None:
    assert list(stored_messages(text)) == stored


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
@pytest.mark.parametrize(
    ("length", "sizes"),
    [
        (MAX_MESSAGE - 1, [MAX_MESSAGE - 1]),
        (MAX_MESSAGE, [MAX_MESSAGE]),
        (MAX_MESSAGE + 1, [MAX_MESSAGE, 1]),
        (2 * MAX_MESSAGE, [MAX_MESSAGE, MAX_MESSAGE]),
        (2 * MAX_MESSAGE + 5, [MAX_MESSAGE, MAX_MESSAGE, 5]),
    ],
)
def test_long_lines_are_split_and_none_of_it_is_dropped(letter: str, length: int, sizes: list[int]) -> None:
    stored = list(stored_messages(letter * length + "\n"))
    assert [len(piece) for piece in stored] == sizes
    assert "".join(stored) == letter * length


@property_of
@given(st.text(st.characters(exclude_characters="\r\n")))
def test_no_control_character_is_stored_beside_tabs_and_escapes(text: str) -> None:
    stored = "".join(stored_messages(text))
    assert {letter for letter in stored if category(letter) == "Cc"} <= {"\t", "\x1b"}
    if not any("\x1b" in letter or "\x80" <= letter <= "\x9f" for letter in text):
        expected = ["\ufffd" if category(letter) == "Cc" and letter != "\t" else letter for letter in text]
        assert stored == "".join(expected)


@pytest.mark.parametrize(
    ("filter_", "admitted"),
    [
        (LogFilter(), True),
        (LogFilter(levels=(WARN, ERROR)), True),
        (LogFilter(levels=(INFO,)), False),
        (LogFilter(levels=()), False),
        (LogFilter(contains="disk FULL"), True),
        (LogFilter(contains=""), True),
        (LogFilter(contains="100%"), True),
        (LogFilter(contains="disk%full"), False),
        (LogFilter(contains="d.sk"), False),
        (LogFilter(attempt=2), True),
        (LogFilter(attempt=1), False),
        (LogFilter(levels=(WARN,), contains="disk", attempt=2), True),
        (LogFilter(levels=(WARN,), contains="disk", attempt=3), False),
        (LogFilter(contains="disk full"), True),
        (LogFilter(contains="[31m"), False),
    ],
)
def test_a_filter_admits_lines_that_match_all_its_conditions(filter_: LogFilter, admitted: bool) -> None:
    line = LogLine(number=1, timestamp=NOW, level=WARN, message="\x1b[31mDisk\x1b[0m full (100%)", attempt=2)
    assert filter_.admits(line) is admitted
    assert filter_.open is (filter_ == LogFilter())
