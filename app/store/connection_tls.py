"""Whether PostgreSQL is spoken to in secret, and what it has to show: as the URLs of libpq say it."""

import ssl
from typing import Any

MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
NAMES = ("sslmode", "sslrootcert", "sslcert", "sslkey")
SYSTEM = "system"
"""What `sslrootcert` is set to for the machine's own authorities."""


class TlsError(ValueError):
    """A URL asks for a connection that cannot be made; the message says why."""


def apply_tls(credentials: dict[str, Any]) -> None:
    """Put what `sslmode`, `sslrootcert`, `sslcert` and `sslkey` say in place of them, as the driver takes it.

    Without `sslrootcert` the authorities of the machine are believed, or those of SSL_CERT_FILE. With it `require`
    means `verify-ca`, as in libpq. Raises TlsError.
    """
    given = {name: credentials.pop(name) for name in NAMES if name in credentials}
    if not given:
        return
    mode = given.get("sslmode", "verify-full" if "sslrootcert" in given else "prefer")
    if mode not in MODES:
        raise TlsError(f"sslmode is “{mode}”; it takes one of {', '.join(MODES)}")
    if mode in {"disable", "allow", "prefer"} and not given.keys() & {"sslcert", "sslrootcert"}:
        credentials["ssl"] = mode
    elif mode == "disable":
        raise TlsError("sslmode is disable, and sslrootcert or sslcert is given as well; leave one of them out")
    else:
        credentials["ssl"] = _context(mode, given)


def _context(mode: str, given: dict[str, str]) -> ssl.SSLContext:
    root = given.get("sslrootcert")
    try:
        context = ssl.create_default_context(cafile=None if root == SYSTEM else root)
        if "sslcert" in given:
            context.load_cert_chain(given["sslcert"], given.get("sslkey"))
    except ssl.SSLError as error:
        raise TlsError(f"the certificates that it names cannot be used: {error.reason or error}") from None
    except OSError as error:
        raise TlsError(f"the certificates that it names cannot be read: {error.strerror}") from None
    context.check_hostname = mode == "verify-full"
    if root is None and not mode.startswith("verify"):
        context.verify_mode = ssl.CERT_NONE
    return context
