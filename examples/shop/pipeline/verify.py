"""test: runs the tests of the service against the artifact that build made."""

import hashlib
import os
import subprocess
import sys

from pipeline.build import TESTS
from pipeline.job import Job
from pipeline.report import ShopError, say


def test(job: Job) -> None:
    """Runs the tests that belong to this version; they start the artifact and talk HTTP to it.

    Raises:
        ShopError: nothing was built, or a test failed.
    """
    artifact = job.built()
    if not artifact.is_file():
        raise ShopError(f"there is no {artifact}: run 'shop.py build' for {job.service.name} {job.version} first")
    module = f"{TESTS}.test_{job.service.package}"
    digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
    say(f"test {job.service.name} {job.version}: {module}")
    say(f"  artifact {artifact}, sha256 {digest}")
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-m", "unittest", "--verbose", module],
        cwd=job.source(),
        env={**os.environ, "SHOP_ARTIFACT": str(artifact)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        raise ShopError(f"the tests of {job.service.name} {job.version} failed (status {done.returncode})")
    say(f"tested {job.service.name} {job.version}: all tests passed")
