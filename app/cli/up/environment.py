"""The environment of the API and the worker of `boreas up`: its settings, with secrets in files."""

import os
import site
from pathlib import Path

import app
from app.cli.up.data_dir import DataFolder
from app.cli.up.postgres import API, OWNER, WORKER, Postgres
from app.settings import Settings

SECRET_FILES = ("BOREAS_DATABASE_URL_FILE", "BOREAS_REDIS_URL_FILE", "BOREAS_ADMIN_TOKEN_FILE")


def child_environ(child: str, settings: Settings, data: DataFolder, postgres: Postgres | None) -> dict[str, str]:
    """Return the environment of the `api` or the `worker`, with secrets in files and no first token.

    By default the worker hands its tasks back at once when it stops, because the user waits for its end.
    """
    environ = {name: value for name, value in os.environ.items() if name not in SECRET_FILES}
    database_url = settings.store.database_url or ""
    if postgres is not None:
        database_url = postgres.url(API if child == "api" else WORKER)
        data.keep_secret("owner-url", postgres.url(OWNER))
    environ |= {
        "BOREAS_DATABASE_URL_FILE": str(data.keep_secret(f"{child}-database-url", database_url)),
        "BOREAS_REDIS_URL_FILE": str(data.keep_secret("redis-url", settings.store.redis_url or "")),
        "BOREAS_DATA_DIR": str(settings.data_dir),
        "BOREAS_HOST": settings.serve.host,
        "BOREAS_PORT": str(settings.serve.port),
    }
    if settings.worker.command_user:
        environ["BOREAS_COMMAND_USER"] = settings.worker.command_user
    protected = (*settings.secret_files, *settings.worker.command_protected)
    environ["BOREAS_COMMAND_PROTECTED"] = os.pathsep.join(str(path.absolute()) for path in protected)
    environ["BOREAS_COMMAND_PASSAGE"] = os.pathsep.join(map(str, settings.worker.command_passage))
    environ.setdefault("BOREAS_SHUTDOWN_SECONDS", "0")
    root = str(Path(app.__file__).parent.parent)
    if root not in site.getsitepackages():
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environ.get("PYTHONPATH"))))
    return environ
