"""Settings: read once from the environment at the edge, then passed inward as small frozen groups."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from app.core.proxies import NONE, Proxies, proxies


class SettingError(Exception):
    """A setting has a value that can not be used; the message names the variable, the value and what is expected."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Where the API listens, and to how many."""

    host: str = "127.0.0.1"
    """Loopback by default: publishing a control plane is a decision, not an accident."""
    port: int = 8000
    connections_each: int = 1000
    """Live connections (sockets, and answers that stream) that one actor may have at one process."""
    trusted_proxies: str | None = None
    """Addresses or networks, with commas, whose word for where a call came from is taken (*: anybody's)."""
    allowed_origins: frozenset[str] = frozenset()
    """The origins, as browsers write them, whose pages may use the API; its own always may."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where PostgreSQL and Redis are. None: `boreas up` embeds its own; the other commands refuse."""

    database_url: str | None = None
    redis_url: str | None = None
    pool_size: int = 10
    """Connections to PostgreSQL per process. A worker needs one for each task that ends at the same moment."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker works."""

    slots: int = 32
    """Tasks that run at the same time in one worker process. They are mostly other processes that are waited for."""
    lease_seconds: float = 15.0
    """How long an attempt is held without a sign of life of its worker before it is taken over."""
    shutdown_seconds: float = 10.0
    """How long what runs may take to end once the worker is told to stop; what has not ended then is handed back."""
    log_mebibytes: int = 500
    """How much of what a task prints is kept, each line counted with 100 bytes on top: three million lines of a usual
    length. A command that prints without end shall not fill the database."""
    grace_seconds: float = 10.0
    """How long a command that is told to end may take before it is killed."""
    command_user: str | None = None
    """Whom commands run as: a user's name or number, or a range of numbers of which each environment gets one. None:
    the worker's own user, and nobody where that is root."""
    command_wall: bool = True
    """Whether commands are kept out of the data folder by Landlock, where the kernel has it."""
    command_protected: tuple[Path, ...] = ()
    """Files and folders that commands are kept out of by Landlock as well, such as kubeconfigs."""
    command_passage: tuple[Path, ...] = ()
    """Folders that commands of other users may enter and read although they are closed to them; none: no passage."""
    workspace_days: float = 7.0
    """How long the folders of a deployment that has ended are kept, for who retries it or looks at them."""
    kubeconfigs: Path | None = None
    """The folder of the kubeconfigs that environments may name; None: only the service account of its pod is used."""
    namespaces: frozenset[str] = frozenset()
    """The namespaces of clusters that it serves; none named: all that its accounts may reach."""
    trusts_kubeconfigs: bool = False
    """Whether kubeconfigs may run programs (`exec`) and read files outside of their folder."""
    probe_networks: tuple[IPv4Network | IPv6Network, ...] | None = None
    """The only networks that health and metric checks reach. None: all but those that none may reach, and not the
    worker's own machine where commands run in a cluster."""


@dataclass(frozen=True, slots=True)
class OutgoingSettings:
    """How other machines are reached: by the commands, by health and metric checks, in clusters."""

    ca_file: Path | None = None
    """Certificates (PEM) of authorities that are believed beside the usual ones. BOREAS_CA_FILE."""
    cert_file: Path | None = None
    """Certificates that stand in place of the usual ones. SSL_CERT_FILE."""
    cert_folder: Path | None = None
    """A folder of such certificates, named by their hashes. SSL_CERT_DIR."""
    proxies: Proxies = NONE


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment can steer."""

    data_dir: Path = Path(".boreas")
    """Where `boreas up` keeps its database, and a worker its workspaces."""
    secret_files: tuple[Path, ...] = ()
    """The files that secrets were read from."""
    admin_token: str | None = None
    """A first ADMIN token, for automation; made and printed by `boreas up` where it is not given."""
    log_level: str = "INFO"
    serve: ServeSettings = field(default_factory=ServeSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    outgoing: OutgoingSettings = field(default_factory=OutgoingSettings)


LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
ADMIN_TOKEN_LENGTH = 16


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings that the environment gives. Raises SettingError."""
    level = environ.get("BOREAS_LOG_LEVEL", "INFO").upper()
    if level not in LEVELS:
        raise SettingError(f"BOREAS_LOG_LEVEL is “{level}”; it takes one of {', '.join(LEVELS)}.")
    files: list[Path] = []
    found = outgoing(environ)
    token = _secret(environ, "BOREAS_ADMIN_TOKEN", files)
    if token is not None and len(token) < ADMIN_TOKEN_LENGTH:
        raise SettingError(f"BOREAS_ADMIN_TOKEN is too short to be safe; it takes {ADMIN_TOKEN_LENGTH} characters.")
    return Settings(
        data_dir=Path(environ.get("BOREAS_DATA_DIR") or ".boreas").expanduser(),
        admin_token=token,
        log_level=level,
        serve=ServeSettings(
            host=environ.get("BOREAS_HOST") or "127.0.0.1",
            port=_whole(environ, "BOREAS_PORT", 8000, 0, 65535),
            connections_each=_whole(environ, "BOREAS_CONNECTIONS_PER_ACTOR", 1000, 1, 1_000_000),
            trusted_proxies=environ.get("BOREAS_TRUSTED_PROXIES") or None,
            allowed_origins=_origins(environ, "BOREAS_ALLOWED_ORIGINS"),
        ),
        store=StoreSettings(
            database_url=_with_authorities(_secret(environ, "BOREAS_DATABASE_URL", files), found.ca_file),
            redis_url=_secret(environ, "BOREAS_REDIS_URL", files),
            pool_size=_whole(environ, "BOREAS_DATABASE_POOL", 10, 1, 1000),
        ),
        worker=WorkerSettings(
            slots=_whole(environ, "BOREAS_WORKER_SLOTS", 32, 1, 10_000),
            lease_seconds=_number(environ, "BOREAS_LEASE_SECONDS", 15.0, 1, 3600),
            shutdown_seconds=_number(environ, "BOREAS_SHUTDOWN_SECONDS", 10.0, 0, 86_400),
            log_mebibytes=_whole(environ, "BOREAS_LOG_MEBIBYTES", 500, 1, 1_000_000),
            grace_seconds=_number(environ, "BOREAS_GRACE_SECONDS", 10.0, 0, 3600),
            command_user=environ.get("BOREAS_COMMAND_USER") or None,
            command_wall=_switch(environ, "BOREAS_COMMAND_WALL", True),
            command_protected=_paths(environ, "BOREAS_COMMAND_PROTECTED"),
            command_passage=_paths(environ, "BOREAS_COMMAND_PASSAGE"),
            workspace_days=_number(environ, "BOREAS_WORKSPACE_DAYS", 7.0, 0, 36_500),
            kubeconfigs=folder(environ.get("BOREAS_KUBECONFIGS"), "BOREAS_KUBECONFIGS"),
            namespaces=frozenset(filter(None, map(str.strip, environ.get("BOREAS_NAMESPACES", "").split(",")))),
            trusts_kubeconfigs=_switch(environ, "BOREAS_TRUST_KUBECONFIGS", False),
            probe_networks=_networks(environ, "BOREAS_PROBE_NETWORKS"),
        ),
        outgoing=found,
        secret_files=tuple(files),
    )


def _with_authorities(url: str | None, ca_file: Path | None) -> str | None:
    """Have a database that is to prove who it is do so by BOREAS_CA_FILE, where its URL names no authority itself."""
    if url is None or ca_file is None or "sslmode=verify-" not in url or "sslrootcert=" in url:
        return url
    return f"{url}&{urlencode({'sslrootcert': str(ca_file)})}"


def outgoing(environ: Mapping[str, str] = os.environ) -> OutgoingSettings:
    """Return how other machines are reached. Raises SettingError."""
    try:
        found = proxies(environ)
    except ValueError as error:
        raise SettingError(str(error)) from None
    names = ("BOREAS_CA_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR")
    extra, file, folder = (Path(environ[name]).expanduser() if environ.get(name) else None for name in names)
    return OutgoingSettings(extra, file, folder, found)


def _secret(environ: Mapping[str, str], name: str, files: list[Path]) -> str | None:
    """Return a secret that is given itself, or as the name of a file, which is added to `files`."""
    given, named = environ.get(name), environ.get(f"{name}_FILE")
    if not named:
        return given or None
    if given:
        raise SettingError(f"{name} and {name}_FILE are both given; leave one of them out.")
    path = Path(named).expanduser()
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingError(f"{name}_FILE is {path}, which can not be read: {why}.") from None
    if not text:
        raise SettingError(f"{name}_FILE is {path}, which is empty.")
    files.append(path)
    return text


def _paths(environ: Mapping[str, str], name: str) -> tuple[Path, ...]:
    return tuple(Path(each).expanduser() for each in environ.get(name, "").split(os.pathsep) if each)


def folder(text: str | None, setting: str) -> Path | None:
    """Return the folder that a setting names; None for none. Raises SettingError where it is no folder."""
    if not text:
        return None
    path = Path(text).expanduser()
    if not path.is_dir():
        raise SettingError(f"{setting} is “{text}”, which is no folder. Name one that exists, or leave it out.")
    return path.absolute()


SWITCH = {"on": True, "1": True, "true": True, "off": False, "0": False, "false": False}


def _switch(environ: Mapping[str, str], name: str, default: bool) -> bool:
    text = environ.get(name, "").lower()
    if text and text not in SWITCH:
        raise SettingError(f"{name} is “{environ[name]}”; it takes on or off.")
    return SWITCH[text] if text else default


def _networks(environ: Mapping[str, str], name: str) -> tuple[IPv4Network | IPv6Network, ...] | None:
    text = environ.get(name)
    try:
        return tuple(ip_network(each.strip()) for each in text.split(",")) if text else None
    except ValueError as error:
        raise SettingError(f"{name} is “{text}”; it takes networks such as 10.0.0.0/8, with commas: {error}.") from None


DEFAULT_PORTS = {"http": 80, "https": 443}


def _origins(environ: Mapping[str, str], name: str) -> frozenset[str]:
    """Return the origins that a setting names, with commas."""
    return frozenset(_origin(each.strip(), name) for each in environ.get(name, "").split(",") if each.strip())


def _origin(text: str, name: str) -> str:
    """Return an origin as browsers write it: in small letters, without a port that goes without saying."""
    if text == "*":
        raise SettingError(f"{name} has “*”, which would let any page use the API; name each origin.")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        bare = not (parts.query or parts.fragment or parts.username or parts.path.strip("/"))
        if parts.scheme in DEFAULT_PORTS and host.isascii() and host and bare:
            shown = f"[{host}]" if ":" in host else host
            ending = "" if port is None or port == DEFAULT_PORTS[parts.scheme] else f":{port}"
            return f"{parts.scheme}://{shown}{ending}"
    except ValueError:
        pass
    raise SettingError(f"{name} has “{text}”; it takes origins such as https://console.example.org, with commas.")


def _whole(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = _number(environ, name, default, low, high)
    if value != int(value):
        raise SettingError(f"{name} is {environ[name]}; it takes a whole number.")
    return int(value)


def _number(environ: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise SettingError(f"{name} is “{text}”, which is no number.") from None
    if not low <= value <= high:
        raise SettingError(f"{name} is {text}; it takes {low:g} to {high:g}.")
    return value
