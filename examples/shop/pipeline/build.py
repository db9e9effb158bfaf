"""build: packs the sources into one runnable file.

The artifact is a zipapp: a zip archive with a __main__.py, which Python runs as it is. The same sources, version
and commit give the same bytes on every machine: entries are sorted, uncompressed, and carry a fixed date and mode.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import time
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

from pipeline.catalog import COMMON
from pipeline.home import write_atomically
from pipeline.job import Job
from pipeline.report import ShopError, counted, say

TESTS = "service_tests"
SHEBANG = b"#!/usr/bin/env python3\n"
MAIN = """\
import sys

from {common}.service import Release, serve
from {package}.main import create

sys.exit(serve(create, Release({service!r}, {version!r}, {commit!r})))
"""
SMOKE_SECONDS = 30


def build(job: Job) -> None:
    """Builds the artifact in the workspace.

    Raises:
        ShopError: sources are missing, do not compile, or the artifact does not run.
    """
    started = time.perf_counter()
    python = ".".join(map(str, sys.version_info[:3]))
    say(f"build {job.service.name} {job.version} with Python {python}")
    say(f"  repository {job.repository}")
    say(f"  workspace  {job.workspace}")
    job.built().unlink(missing_ok=True)
    say("step 1 of 5: lay out the sources")
    _lay_out(job)
    say(f"step 2 of 5: apply what release {job.version} changes")
    _apply_overlay(job)
    say("step 3 of 5: compile every source")
    sources = _compile_all(job)
    say("step 4 of 5: pack the artifact")
    content = _pack(job, sources)
    write_atomically(job.built(), content)
    say(f"  {job.built()}")
    say(f"  {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    say("step 5 of 5: run the artifact once")
    described = describe(job.built())
    if (described.get("service"), described.get("version")) != (job.service.name, job.version):
        raise ShopError(f"the artifact describes itself as {described}, not {job.service.name} {job.version}")
    say(f"  it describes itself as {json.dumps(described)}")
    say(f"built {job.service.name} {job.version} in {time.perf_counter() - started:.2f} s")


def describe(artifact: Path) -> dict[str, object]:
    """Returns how an artifact describes itself: service, version, commit.

    Raises:
        ShopError: it does not run.
    """
    command = [sys.executable, "-B", str(artifact), "--describe"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SMOKE_SECONDS, check=True)
        answer = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", None) or error
        raise ShopError(f"{artifact} does not run: {str(output).strip()}") from error
    return answer if isinstance(answer, dict) else {}


def _lay_out(job: Job) -> None:
    """Copies the packages that this service needs, and the tests, into a fresh folder of the workspace."""
    shutil.rmtree(job.source(), ignore_errors=True)
    for package in (COMMON, job.service.package, TESTS):
        folder = job.repository / package
        if not folder.is_dir():
            raise ShopError(f"{job.repository} has no folder {package}: is it the shop's repository?")
        shutil.copytree(folder, job.source() / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        say(f"  {package}: {counted(len(list((job.source() / package).glob('*.py'))), 'file')}")


def _apply_overlay(job: Job) -> None:
    """Replaces files by those of releases/VERSION, if there are any."""
    overlay = job.repository / "releases" / job.version
    if not overlay.is_dir():
        say(f"  nothing: there is no releases/{job.version}")
        return
    changed = 0
    for package in (COMMON, job.service.package, TESTS):
        for file in sorted(overlay.joinpath(package).rglob("*.py")):
            target = job.source() / file.relative_to(overlay)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
            say(f"  {file.relative_to(overlay)} from releases/{job.version}")
            changed += 1
    say(f"  {counted(changed, 'file')} changed")


def _compile_all(job: Job) -> list[Path]:
    """Compiles every source, with warnings as errors, and returns those of the artifact."""
    sources: list[Path] = []
    faults: list[str] = []
    for file in sorted(job.source().rglob("*.py")):
        name = file.relative_to(job.source())
        text = file.read_bytes()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                compile(text, str(name), "exec", dont_inherit=True)
        except (SyntaxError, ValueError, Warning) as error:
            faults.append(f"{name}: {error}")
            say(f"  FAULT {faults[-1]}")
            continue
        if name.parts[0] != TESTS:
            sources.append(file)
            say(f"  ok {name}, {counted(len(text.splitlines()), 'line')}")
    if faults:
        raise ShopError(f"{counted(len(faults), 'file')} did not compile: {'; '.join(faults)}")
    return sources


def _pack(job: Job, sources: list[Path]) -> bytes:
    main = MAIN.format(
        common=COMMON, package=job.service.package, service=job.service.name, version=job.version, commit=job.commit
    )
    entries = {str(file.relative_to(job.source()).as_posix()): file.read_bytes() for file in sources}
    archive = BytesIO()
    archive.write(SHEBANG)
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_STORED) as packed:
        for name, content in sorted({**entries, "__main__.py": main.encode()}.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            packed.writestr(entry, content)
    say(f"  {counted(len(entries) + 1, 'file')}, version {job.version} baked into __main__.py")
    return archive.getvalue()
