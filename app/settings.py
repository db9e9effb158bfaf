"""Settings: read once from the environment at the edge, then passed inward as small frozen groups."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Meta

from app.core.proxies import NONE, Proxies, proxies
from app.gateways.authorities import USUAL, Authorities

Value = TypeVar("Value")
Variables = Mapping[str, tuple[str, Callable[[str], Any]]]
"""The variable and the parser of each field of a group."""


class SettingError(Exception):
    """A setting has an invalid value; the message names the variable, the value and what is allowed."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Where the API listens, and which clients it accepts."""

    host: str = "127.0.0.1"
    """Loopback by default: publishing a control plane is a decision, not an accident."""
    port: int = 8000
    connections_per_actor: int = 1000
    """Live connections (WebSockets and streamed responses) of one actor to one process."""
    trusted_proxies: str | None = None
    """Addresses or networks, separated by commas, whose X-Forwarded-For is trusted. *: every address."""
    allowed_origins: frozenset[str] = frozenset()
    """Origins, as browsers write them, whose pages may use the API. Its own origin always may."""
    executor: str = "fast"
    """How operations are executed: `fast`, or `plain` without any short cut."""
    without_shortcuts: frozenset[str] = frozenset()
    """Short cuts of the fast executor that are off, for measurements."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where PostgreSQL and Redis are. None: `boreas up` runs its own; the other commands fail."""

    database_url: str | None = None
    redis_url: str | None = None
    pool_size: int = 10
    """Connections to PostgreSQL per process. A worker needs one for each task that ends at the same moment."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker runs tasks."""

    slots: int = 32
    """Concurrent tasks in one worker process. Most of them only wait for other processes."""
    lease_seconds: float = 15.0
    """How long an attempt's lease lasts. Another worker takes the attempt over when it is not renewed."""
    shutdown_seconds: float = 10.0
    """How long running tasks may take to end when the worker shuts down. Then they are handed back."""
    log_mebibytes: int = 500
    """Size limit of a task's log, so that endless output cannot fill the database.

    Each line counts 100 bytes on top: the default holds about three million lines of usual length.
    """
    grace_seconds: float = 10.0
    """How long a command may take to end after it is asked to stop, before it is killed."""
    command_user: str | None = None
    """Account of commands: a user's name or number, or a range of numbers, one for each environment.

    None: the worker's own user. A worker that runs as root then refuses to run commands.
    """
    command_wall: bool = True
    """Whether Landlock keeps commands out of the data folder, where the kernel supports it."""
    command_protected: tuple[Path, ...] = ()
    """Further files and folders, such as kubeconfigs, that Landlock keeps commands out of."""
    command_passage: tuple[Path, ...] = ()
    """Closed folders that commands of other users may still enter and read."""
    workspace_days: float = 7.0
    """How long workspaces are kept after their deployment has ended, for retries and inspection."""
    kubeconfigs: Path | None = None
    """The folder of the kubeconfigs that environments may name. None: only the pod's service account is used."""
    namespaces: frozenset[str] = frozenset()
    """The namespaces that the worker serves. Empty: every namespace that its accounts may reach."""
    trusts_kubeconfigs: bool = False
    """Whether kubeconfigs may run programs (`exec`) and read files outside their folder."""
    probe_networks: tuple[IPv4Network | IPv6Network, ...] | None = None
    """The only networks that health and metric checks may reach.

    None: all networks that are not always blocked; KUBERNETES environments cannot reach the worker's own machine.
    """


@dataclass(frozen=True, slots=True)
class OutgoingSettings:
    """How Boreas reaches other machines: for commands, health and metric checks, and clusters."""

    authorities: Authorities = USUAL
    """Trusted certificate authorities. BOREAS_CA_FILE, SSL_CERT_FILE, SSL_CERT_DIR."""
    proxies: Proxies = NONE


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a process."""

    data_dir: Path = Path(".boreas")
    """Where `boreas up` keeps its database, and a worker its workspaces."""
    secret_files: tuple[Path, ...] = ()
    """The files that secrets were read from."""
    admin_token: str | None = None
    """A first ADMIN token, for automation. `boreas up` creates and prints one when it is not set."""
    log_level: str = "INFO"
    serve: ServeSettings = field(default_factory=ServeSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    outgoing: OutgoingSettings = field(default_factory=OutgoingSettings)


EXECUTORS = ("fast", "plain")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SWITCH = {"on": True, "1": True, "true": True, "off": False, "0": False, "false": False}
DEFAULT_PORTS = {"http": 80, "https": 443}
MIN_TOKEN_LENGTH = 16


def _value(environ: Mapping[str, str], name: str, parse: Callable[[str], Value]) -> Value | None:
    """Return the parsed value of a variable, None if unset. Raises SettingError."""
    text = environ.get(name)
    if not text:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise SettingError(f"{name} is “{text}”, {error}.") from None


def _values(environ: Mapping[str, str], variables: Variables) -> dict[str, Any]:
    """Return the fields whose variables are set; the others keep their defaults. Raises SettingError."""
    values = {field: _value(environ, name, parse) for field, (name, parse) in variables.items()}
    return {field: value for field, value in values.items() if value is not None}


def _number(kind: Any, low: int, high: int) -> Callable[[str], Any]:
    """Return a parser for numbers within bounds. It raises ValueError, which states the bounds."""
    bounded = Annotated[kind, Meta(ge=low, le=high)]
    noun = "a whole number" if kind is int else "a number"

    def parse(text: str) -> Any:
        try:
            return msgspec.convert(text.strip(), bounded, strict=False)
        except msgspec.ValidationError:
            raise ValueError(f"which is not {noun} from {low} to {high}") from None

    return parse


def _choice(*choices: str) -> Callable[[str], str]:
    """Return a parser for one of some words, in upper or lower case."""

    def parse(text: str) -> str:
        for choice in choices:
            if choice.lower() == text.lower():
                return choice
        raise ValueError(f"which is not one of {', '.join(choices)}")

    return parse


def _switch(text: str) -> bool:
    if text.lower() not in SWITCH:
        raise ValueError("which is neither on nor off")
    return SWITCH[text.lower()]


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(_path(part) for part in text.split(os.pathsep) if part)


def _folder(text: str) -> Path:
    if not _path(text).is_dir():
        raise ValueError("which is not a folder. Name an existing folder, or leave it out")
    return _path(text).absolute()


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(network.strip()) for network in text.split(","))
    except ValueError as error:
        raise ValueError(f"which is not a list of networks such as 10.0.0.0/8, separated by commas: {error}") from None


def _origins(text: str) -> frozenset[str]:
    return frozenset(_origin(origin) for origin in _names(text))


def _origin(text: str) -> str:
    """Return an origin as browsers write it: in lower case, without the default port. Raises ValueError."""
    if text == "*":
        raise ValueError("which would let every page use the API; name each origin")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        is_origin = not (parts.query or parts.fragment or parts.username or parts.path.strip("/"))
        if parts.scheme in DEFAULT_PORTS and host.isascii() and host and is_origin:
            bracketed = f"[{host}]" if ":" in host else host
            suffix = "" if port is None or port == DEFAULT_PORTS[parts.scheme] else f":{port}"
            return f"{parts.scheme}://{bracketed}{suffix}"
    except ValueError:
        pass
    raise ValueError(f"where “{text}” is not an origin such as https://console.example.org")


def _secret(environ: Mapping[str, str], name: str, secret_files: list[Path]) -> str | None:
    """Return a secret, from its variable or from the file of NAME_FILE, which joins `secret_files`."""
    secret, path = environ.get(name), _value(environ, f"{name}_FILE", _path)
    if path is None:
        return secret or None
    if secret:
        raise SettingError(f"{name} and {name}_FILE are both set. Remove one of them.")
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingError(f"{name}_FILE is {path}, which cannot be read: {cause}.") from None
    if not text:
        raise SettingError(f"{name}_FILE is {path}, which is empty.")
    secret_files.append(path)
    return text


def _admin_token(token: str | None) -> str | None:
    if token is not None and len(token) < MIN_TOKEN_LENGTH:
        raise SettingError(f"BOREAS_ADMIN_TOKEN is too short. Use at least {MIN_TOKEN_LENGTH} characters.")
    return token


def _with_authority(url: str | None, ca_file: Path | None) -> str | None:
    """Verify the database's certificate by BOREAS_CA_FILE, unless its URL names an authority."""
    if url is None or ca_file is None or "sslmode=verify-" not in url or "sslrootcert=" in url:
        return url
    return f"{url}&{urlencode({'sslrootcert': str(ca_file)})}"


SERVE: Variables = {
    "host": ("BOREAS_HOST", str),
    "port": ("BOREAS_PORT", _number(int, 0, 65_535)),
    "connections_per_actor": ("BOREAS_CONNECTIONS_PER_ACTOR", _number(int, 1, 1_000_000)),
    "trusted_proxies": ("BOREAS_TRUSTED_PROXIES", str),
    "allowed_origins": ("BOREAS_ALLOWED_ORIGINS", _origins),
    "executor": ("BOREAS_EXECUTOR", _choice(*EXECUTORS)),
    "without_shortcuts": ("BOREAS_EXECUTOR_WITHOUT", _names),
}
STORE: Variables = {"pool_size": ("BOREAS_DATABASE_POOL", _number(int, 1, 1000))}
WORKER: Variables = {
    "slots": ("BOREAS_WORKER_SLOTS", _number(int, 1, 10_000)),
    "lease_seconds": ("BOREAS_LEASE_SECONDS", _number(float, 1, 3600)),
    "shutdown_seconds": ("BOREAS_SHUTDOWN_SECONDS", _number(float, 0, 86_400)),
    "log_mebibytes": ("BOREAS_LOG_MEBIBYTES", _number(int, 1, 1_000_000)),
    "grace_seconds": ("BOREAS_GRACE_SECONDS", _number(float, 0, 3600)),
    "command_user": ("BOREAS_COMMAND_USER", str),
    "command_wall": ("BOREAS_COMMAND_WALL", _switch),
    "command_protected": ("BOREAS_COMMAND_PROTECTED", _paths),
    "command_passage": ("BOREAS_COMMAND_PASSAGE", _paths),
    "workspace_days": ("BOREAS_WORKSPACE_DAYS", _number(float, 0, 36_500)),
    "kubeconfigs": ("BOREAS_KUBECONFIGS", _folder),
    "namespaces": ("BOREAS_NAMESPACES", _names),
    "trusts_kubeconfigs": ("BOREAS_TRUST_KUBECONFIGS", _switch),
    "probe_networks": ("BOREAS_PROBE_NETWORKS", _networks),
}
PROCESS: Variables = {
    "data_dir": ("BOREAS_DATA_DIR", _path),
    "log_level": ("BOREAS_LOG_LEVEL", _choice(*LEVELS)),
}


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of an environment. An empty variable counts as unset. Raises SettingError."""
    secret_files: list[Path] = []
    outgoing = read_outgoing_settings(environ)
    database_url = _secret(environ, "BOREAS_DATABASE_URL", secret_files)
    redis_url = _secret(environ, "BOREAS_REDIS_URL", secret_files)
    admin_token = _secret(environ, "BOREAS_ADMIN_TOKEN", secret_files)
    return Settings(
        **_values(environ, PROCESS),
        serve=ServeSettings(**_values(environ, SERVE)),
        store=StoreSettings(
            _with_authority(database_url, outgoing.authorities.extra), redis_url, **_values(environ, STORE)
        ),
        worker=WorkerSettings(**_values(environ, WORKER)),
        admin_token=_admin_token(admin_token),
        outgoing=outgoing,
        secret_files=tuple(secret_files),
    )


def read_outgoing_settings(environ: Mapping[str, str] = os.environ) -> OutgoingSettings:
    """Return how Boreas reaches other machines. Raises SettingError."""
    try:
        configured_proxies = proxies(environ)
    except ValueError as error:
        raise SettingError(str(error)) from None
    names = ("BOREAS_CA_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return OutgoingSettings(Authorities(*(_value(environ, name, _path) for name in names)), configured_proxies)


def existing_folder(text: str | None, setting: str) -> Path | None:
    """Return the folder that a setting or an option names. Raises SettingError if it does not exist."""
    return _value({setting: text or ""}, setting, _folder)
