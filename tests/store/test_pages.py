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


async def test_deployments_between_two_cursors_from_either_end(ids: list[str]) -> None:
    marks = [None, *ids, "dep_", "dep_zzz"]
    for after, before, limit, newest in product(marks, marks, (0, 1, 2, 5, 9), (True, False)):
        matching = [id_ for id_ in ids if (after is None or id_ < after) and (before is None or id_ > before)]
        expected = matching[:limit] if newest else matching[max(0, len(matching) - limit) :]
        page = await deployments.page(ALL, PageRequest(limit, after, before, newest))
        assert [deployment.id for deployment in page] == expected, (after, before, limit, newest)


async def test_each_field_of_a_deployment_filter(engine: Engine, site: Site, trial: Site) -> None:
    for name in ("users", "web"):
        await site.application(name)
    trial.applications = site.applications
    older_id, newer_id = (
        await site.deploy("v1", only=["users"], auto_start=False),
        await trial.deploy("v2", auto_start=False),
    )
    await engine.cancel(newer_id)
    oldest, newest = (await engine.story(older_id)).deployment, (await engine.story(newer_id)).deployment
    microsecond = timedelta(microseconds=1)
    for filter_, expected_ids in [
        (replace(ALL), [newer_id, older_id]),
        (replace(ALL, statuses=(DeploymentStatus.PENDING,)), [older_id]),
        (replace(ALL, statuses=()), []),
        (replace(ALL, environment_ids=(trial.environment_id,)), [newer_id]),
        (replace(ALL, application_ids=(site.applications["web"],)), [newer_id]),
        (replace(ALL, application_ids=tuple(site.applications.values())), [newer_id, older_id]),
        (replace(ALL, version_id=oldest.version_id), [older_id]),
        (replace(ALL, created_by_id=oldest.created_by), [newer_id, older_id]),
        (replace(ALL, created_by_id="usr_nobody"), []),
        (replace(ALL, created_after=newest.created_at), [newer_id]),
        (replace(ALL, created_before=newest.created_at), [older_id]),
        (replace(ALL, created_before=newest.created_at + microsecond), [newer_id, older_id]),
        (replace(ALL, version_id=oldest.version_id, statuses=(DeploymentStatus.CANCELLED,)), []),
        (DeploymentFilter(), []),
        (DeploymentFilter(visible=((trial.environment_id, None),)), [newer_id]),
        (DeploymentFilter(visible=((None, site.applications["users"]),)), [older_id]),
        (DeploymentFilter(visible=tuple((None, id_) for id_ in site.applications.values())), [newer_id, older_id]),
        (DeploymentFilter(visible=((site.environment_id, site.applications["web"]),)), []),
    ]:
        page = await deployments.page(filter_, PageRequest(9))
        assert ([deployment.id for deployment in page], await deployments.count(filter_)) == (
            expected_ids,
            len(expected_ids),
        ), filter_


async def test_deployments_of_parents_from_either_end(ids: list[str], trial: Site) -> None:
    oldest = (await deployments.by_ids(ids[:1]))[ids[0]]
    redeployed = [await trial.deploy(oldest.version_id, auto_start=False) for _ in range(2)][::-1]
    ids_by_parent: dict[Parent, tuple[str, list[str]]] = {
        "version": (oldest.version_id, [*redeployed, ids[0]]),
        "environment": (oldest.environment_id, [*redeployed, *ids]),
        "application": (oldest.application_ids[0], [*redeployed, *ids]),
    }
    for (parent, (id_, listed_ids)), forward in product(ids_by_parent.items(), (True, False)):
        deployments_of = DeploymentsOf(parent, ALL)
        for limit, after, before in product((0, 2, 9), (None, *listed_ids[::2]), (None, *listed_ids[1::2])):
            pages = await deployments_of.pages([id_, "none"], PageRequest(limit, after, before, forward))
            expected = expected_page(listed_ids, after, before, limit, forward)
            assert ([deployment.id for deployment in pages[id_]], pages["none"]) == (expected, [])
        assert await deployments_of.counts([id_, "none"]) == {id_: len(listed_ids), "none": 0}
        assert await DeploymentsOf(parent, DeploymentFilter()).counts([id_]) == {id_: 0}


def expected_page(
    listed_ids: Sequence[str], after: str | None, before: str | None, limit: int, forward: bool
) -> list[str]:
    start = 0 if after is None else listed_ids.index(after) + 1
    end = len(listed_ids) if before is None else listed_ids.index(before)
    range_ids = listed_ids[start:end]
    return list(range_ids[:limit] if forward else range_ids[max(0, len(range_ids) - limit) :])


async def test_versions_of_an_application_from_either_end(site: Site) -> None:
    await site.application("web")
    listed_ids = [await site.version(f"v{n}") for n in range(4)][::-1]
    await site.application("other")
    shared_version = await site.version("both")
    web_id, other_id = site.applications["web"], site.applications["other"]
    listed_ids = [shared_version, *listed_ids]
    for limit, after, before, forward in product((0, 2, 9), (None, *listed_ids), (None, *listed_ids), (True, False)):
        pages = await versions.OF_APPLICATIONS.pages(
            [web_id, other_id, "none"], PageRequest(limit, after, before, forward)
        )
        assert [version.id for version in pages[web_id]] == expected_page(listed_ids, after, before, limit, forward)
        assert pages["none"] == []
    assert await versions.OF_APPLICATIONS.counts([web_id, other_id, "none"]) == {web_id: 5, other_id: 1, "none": 0}
    for filter_, expected in (
        (VersionFilter(application_id=other_id), [shared_version]),
        (VersionFilter(application_id="none"), []),
        (VersionFilter(application_id=web_id, contains="V"), listed_ids[1:]),
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
    listed_names = [application.name for application in await applications.page(PageRequest(99), None)]
    assert sorted(listed_names) == sorted(names)
    for index, limit in product(range(len(listed_names) + 1), (0, 1, 3, 9)):
        page = await applications.page(PageRequest(limit, listed_names[index - 1] if index else None), None)
        assert [application.name for application in page] == listed_names[index : index + limit]
        before = listed_names[index] if index < len(listed_names) else None
        page = await applications.page(PageRequest(limit, None, before, forward=False), None)
        assert [application.name for application in page] == listed_names[max(0, index - limit) : index]
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
            last_number = (await engine.story(id_)).deployment.last_event
            assert [event.number for event in pages[id_]] == list(range(after + 1, last_number + 1))[:limit]
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
            new_lines = [
                NewLine(engine.runtime.clock.now(), level, text) for level, text in zip(levels, LINES, strict=False)
            ]
            assert await logs.append(task.id, attempt, "worker", new_lines) == (attempt - 1) * len(LINES) + 1
    yield [task.id for task in story.tasks.values()]
    await engine.put(next(iter(story.tasks.values())))


async def all_lines(task_id: str) -> Sequence[LogLine]:
    return (await logs.pages([task_id], LogFilter(), LogRange(limit=999)))[task_id]


async def test_lines_between_two_cursors_from_either_end(tasks: list[str]) -> None:
    lines = await all_lines(tasks[0])
    assert [line.number for line in lines] == list(range(1, 2 * len(LINES) + 1))
    for after, before, limit, oldest in product((0, 3, 20, 99), (None, 0, 1, 4, 21), (0, 1, 4, 99), (True, False)):
        matching = [line for line in lines if line.number > after and (before is None or line.number < before)]
        expected = matching[:limit] if oldest else matching[max(0, len(matching) - limit) :]
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
async def test_a_filter_admits_the_same_lines_stored_and_in_memory(tasks: list[str], filter_: LogFilter) -> None:
    expected = [line for line in await all_lines(tasks[0]) if filter_.admits(line)]
    assert (await logs.pages(tasks, filter_, LogRange(limit=999)))[tasks[0]] == expected
    assert await logs.counts(tasks, filter_) == dict.fromkeys(tasks, len(expected))


async def test_numbers_of_concurrently_written_lines_have_no_gap(engine: Engine, tasks: list[str]) -> None:
    async def write(number: int) -> None:
        now = engine.runtime.clock.now()
        async with unit(engine.runtime):
            await logs.append(tasks[0], 2, "worker", [NewLine(now, LogLevel.INFO, str(number)) for _ in range(5)])

    count_before = len(await all_lines(tasks[0]))
    await asyncio.gather(*(write(number) for number in range(8)))
    lines = (await all_lines(tasks[0]))[count_before:]
    assert [line.number for line in lines] == list(range(count_before + 1, count_before + 41))
    batches = {tuple(line.message for line in lines[number : number + 5]) for number in range(0, 40, 5)}
    assert batches == {5 * (str(number),) for number in range(8)}
