"""Pages of lists: each page, from either end, equals a Python slice of the whole list."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from app.core.deployment import DeploymentFilter, DeploymentStatus
from app.core.log_levels import LogLevel
from app.core.logs import LogFilter, LogLine, LogRange
from app.core.paging import PageRequest
from app.core.version import VersionFilter
from app.services import applications as application_cases
from app.store import applications, deployments, event_feed, logs, versions
from app.store.history import DeploymentsOf, Parent
from app.store.logs import NewLine
from app.store.unit_of_work import unit
from tests.services.support.commands import node
from tests.services.support.engine import Engine, Site

ALL = DeploymentFilter(visible=((None, None),))


@pytest.fixture
async def ids(trial: Site) -> list[str]:
    """Five deployments, newest first."""
    return [await trial.deploy(f"v{n}", auto_start=False) for n in range(5)][::-1]


async def test_deployments_between_two_from_either_end(ids: list[str]) -> None:
    marks = [None, *ids, "dep_", "dep_zzz"]
    for after, before, limit, newest in product(marks, marks, (0, 1, 2, 5, 9), (True, False)):
        between = [id_ for id_ in ids if (after is None or id_ < after) and (before is None or id_ > before)]
        expected = between[:limit] if newest else between[max(0, len(between) - limit) :]
        page = await deployments.page(ALL, PageRequest(limit, after, before, newest))
        assert [deployment.id for deployment in page] == expected, (after, before, limit, newest)


async def test_deployments_are_filtered_by_everything_at_once(engine: Engine, site: Site, trial: Site) -> None:
    for name in ("users", "web"):
        await site.application(name)
    trial.applications = site.applications
    first, second = (
        await site.deploy("v1", only=["users"], auto_start=False),
        await trial.deploy("v2", auto_start=False),
    )
    await engine.cancel(second)
    oldest, newest = (await engine.story(first)).deployment, (await engine.story(second)).deployment
    a_while = timedelta(microseconds=1)
    for filter_, expected_ids in [
        (replace(ALL), [second, first]),
        (replace(ALL, statuses=(DeploymentStatus.PENDING,)), [first]),
        (replace(ALL, statuses=()), []),
        (replace(ALL, environment_ids=(trial.environment_id,)), [second]),
        (replace(ALL, application_ids=(site.applications["web"],)), [second]),
        (replace(ALL, application_ids=tuple(site.applications.values())), [second, first]),
        (replace(ALL, version_id=oldest.version_id), [first]),
        (replace(ALL, created_by_id=oldest.created_by), [second, first]),
        (replace(ALL, created_by_id="usr_nobody"), []),
        (replace(ALL, created_after=newest.created_at), [second]),
        (replace(ALL, created_before=newest.created_at), [first]),
        (replace(ALL, created_before=newest.created_at + a_while), [second, first]),
        (replace(ALL, version_id=oldest.version_id, statuses=(DeploymentStatus.CANCELLED,)), []),
        (DeploymentFilter(), []),
        (DeploymentFilter(visible=((trial.environment_id, None),)), [second]),
        (DeploymentFilter(visible=((None, site.applications["users"]),)), [first]),
        (DeploymentFilter(visible=tuple((None, id_) for id_ in site.applications.values())), [second, first]),
        (DeploymentFilter(visible=((site.environment_id, site.applications["web"]),)), []),
    ]:
        page = await deployments.page(filter_, PageRequest(9))
        assert ([oldest.id for oldest in page], await deployments.count(filter_)) == (
            expected_ids,
            len(expected_ids),
        ), filter_


async def test_deployments_of_parents_from_either_end(ids: list[str], trial: Site) -> None:
    oldest = (await deployments.by_ids(ids[:1]))[ids[0]]
    again = [await trial.deploy(oldest.version_id, auto_start=False) for _ in range(2)][::-1]
    whole: dict[Parent, tuple[str, list[str]]] = {
        "version": (oldest.version_id, [*again, ids[0]]),
        "environment": (oldest.environment_id, [*again, *ids]),
        "application": (oldest.application_ids[0], [*again, *ids]),
    }
    for (parent, (id_, listed)), forward in product(whole.items(), (True, False)):
        of = DeploymentsOf(parent, ALL)
        for limit, after, before in product((0, 2, 9), (None, *listed[::2]), (None, *listed[1::2])):
            pages = await of.pages([id_, "none"], PageRequest(limit, after, before, forward))
            expected = between(listed, after, before, limit, forward)
            assert ([deployment.id for deployment in pages[id_]], pages["none"]) == (expected, [])
        assert await of.counts([id_, "none"]) == {id_: len(listed), "none": 0}
        assert await DeploymentsOf(parent, DeploymentFilter()).counts([id_]) == {id_: 0}


def between(listed: Sequence[str], after: str | None, before: str | None, limit: int, forward: bool) -> list[str]:
    start = 0 if after is None else listed.index(after) + 1
    end = len(listed) if before is None else listed.index(before)
    part = listed[start:end]
    return list(part[:limit] if forward else part[max(0, len(part) - limit) :])


async def test_versions_of_an_application_from_either_end(site: Site) -> None:
    await site.application("web")
    listed = [await site.version(f"v{n}") for n in range(4)][::-1]
    await site.application("other")
    of_both = await site.version("both")
    web, other = site.applications["web"], site.applications["other"]
    listed = [of_both, *listed]
    for limit, after, before, forward in product((0, 2, 9), (None, *listed), (None, *listed), (True, False)):
        pages = await versions.OF_APPLICATIONS.pages([web, other, "none"], PageRequest(limit, after, before, forward))
        assert [version.id for version in pages[web]] == between(listed, after, before, limit, forward)
        assert pages["none"] == []
    assert await versions.OF_APPLICATIONS.counts([web, other, "none"]) == {web: 5, other: 1, "none": 0}
    for filter_, expected in (
        (VersionFilter(application_id=other), [of_both]),
        (VersionFilter(application_id="none"), []),
        (VersionFilter(application_id=web, contains="V"), listed[1:]),
        (VersionFilter(commit="no such"), []),
    ):
        assert [version.id for version in await versions.page(filter_, PageRequest(9))] == expected
        assert await versions.count(filter_) == len(expected)


async def test_applications_by_name(engine: Engine, site: Site) -> None:
    names = ["a", "a-1", "a1", "ab", "b", "user-service", "z9"]
    for name in reversed(names):
        await site.application(name)
    await engine.call(application_cases.archive, site.applications["b"])
    names.remove("b")
    whole = [application.name for application in await applications.page(PageRequest(99), None)]
    assert sorted(whole) == sorted(names)
    for index, limit in product(range(len(whole) + 1), (0, 1, 3, 9)):
        page = await applications.page(PageRequest(limit, whole[index - 1] if index else None), None)
        assert [application.name for application in page] == whole[index : index + limit]
        before = whole[index] if index < len(whole) else None
        page = await applications.page(PageRequest(limit, None, before, forward=False), None)
        assert [application.name for application in page] == whole[max(0, index - limit) : index]
    archived = await applications.page(PageRequest(9), None, archived=True)
    assert ([application.id for application in archived], await applications.count(None, archived=True)) == (
        [site.applications["b"]],
        1,
    )


@pytest.mark.parametrize(
    ("contains", "expected"),
    [("", ["50%", "A_b", "axb"]), ("a_b", ["A_b"]), ("%", ["50%"]), ("A", ["A_b", "axb"]), ("\\", []), ("zz", [])],
)
async def test_wildcards_in_a_name_filter_are_literal(site: Site, contains: str, expected: list[str]) -> None:
    await site.application("web")
    for name in ("axb", "A_b", "50%"):
        await site.version(name)
    filter_ = VersionFilter(contains=contains)
    page = await versions.page(filter_, PageRequest(9))
    assert (sorted(version.name for version in page), await versions.count(filter_)) == (expected, len(expected))


async def test_versions_newest_first(site: Site) -> None:
    await site.application("web")
    ids = [await site.version(f"v{n}") for n in range(5)][::-1]
    for after, limit in product([None, *ids], (0, 2, 9)):
        page = await versions.page(VersionFilter(), PageRequest(limit, after))
        assert [version.id for version in page] == [id_ for id_ in ids if after is None or id_ < after][:limit]


async def test_events_of_several_deployments(engine: Engine, ids: list[str]) -> None:
    for id_ in ids[:2]:
        await engine.cancel(id_)
    for after, limit in product((0, 1, 3, 99), (0, 1, 99)):
        pages = await event_feed.pages([*ids, "dep_none"], after, limit)
        for id_ in ids:
            last = (await engine.story(id_)).deployment.last_event
            assert [event.number for event in pages[id_]] == list(range(after + 1, last + 1))[:limit]
        assert pages["dep_none"] == []


LINES = ["INFO one", "two", "Ärger", "100%", "a_b", "STRASSE", "ΣΑΣ", "two again", "I", "ı"]


@pytest.fixture
async def tasks(engine: Engine, trial: Site) -> AsyncIterator[list[str]]:
    """Two tasks with logs of two attempts and all levels."""
    story = await engine.story(await trial.deploy("v1", node("one"), node("two"), auto_start=False))
    for task in story.tasks.values():
        for attempt in (1, 2):
            await engine.put(replace(task, attempt=attempt, worker="worker"))
            levels = list(LogLevel) * 3
            new = [NewLine(engine.runtime.clock.now(), level, text) for level, text in zip(levels, LINES, strict=False)]
            assert await logs.append(task.id, attempt, "worker", new) == (attempt - 1) * len(LINES) + 1
    yield [task.id for task in story.tasks.values()]
    await engine.put(next(iter(story.tasks.values())))


async def whole(task_id: str) -> Sequence[LogLine]:
    return (await logs.pages([task_id], LogFilter(), LogRange(limit=999)))[task_id]


async def test_lines_between_two_from_either_end(tasks: list[str]) -> None:
    lines = await whole(tasks[0])
    assert [line.number for line in lines] == list(range(1, 2 * len(LINES) + 1))
    for after, before, limit, oldest in product((0, 3, 20, 99), (None, 0, 1, 4, 21), (0, 1, 4, 99), (True, False)):
        between = [line for line in lines if line.number > after and (before is None or line.number < before)]
        expected = between[:limit] if oldest else between[max(0, len(between) - limit) :]
        range_ = LogRange(limit=limit, after=after, before=before, oldest=oldest)
        pages = await logs.pages([*tasks, "tsk_none"], LogFilter(), range_)
        assert pages[tasks[0]] == expected
        assert [line.number for line in pages[tasks[1]]] == [line.number for line in expected]
        assert pages["tsk_none"] == []


@pytest.mark.parametrize(
    "filter_",
    [
        *(LogFilter(contains=text) for text in ("two", "TWO", "%", "a_b", "\\", "i", "")),
        *(LogFilter(contains=text) for text in ("ärger", "ÄRGER", "straße", "strasse", "σας")),
        *(LogFilter(levels=levels) for levels in ((), (LogLevel.INFO,), (LogLevel.ERROR, LogLevel.WARN))),
        LogFilter(attempt=1),
        LogFilter(attempt=3),
        LogFilter(attempt=2, contains="o", levels=(LogLevel.INFO,)),
    ],
)
async def test_a_filter_admits_stored_lines_as_it_admits_fresh_ones(tasks: list[str], filter_: LogFilter) -> None:
    expected = [line for line in await whole(tasks[0]) if filter_.admits(line)]
    assert (await logs.pages(tasks, filter_, LogRange(limit=999)))[tasks[0]] == expected
    assert await logs.counts(tasks, filter_) == dict.fromkeys(tasks, len(expected))


async def test_numbers_of_lines_written_side_by_side_have_no_gap(engine: Engine, tasks: list[str]) -> None:
    async def write(n: int) -> None:
        now = engine.runtime.clock.now()
        async with unit(engine.runtime):
            await logs.append(tasks[0], 2, "worker", [NewLine(now, LogLevel.INFO, str(n)) for _ in range(5)])

    before = len(await whole(tasks[0]))
    await asyncio.gather(*(write(n) for n in range(8)))
    lines = (await whole(tasks[0]))[before:]
    assert [line.number for line in lines] == list(range(before + 1, before + 41))
    batches = {tuple(line.message for line in lines[n : n + 5]) for n in range(0, 40, 5)}
    assert batches == {5 * (str(n),) for n in range(8)}
