"""TLS settings of connections to PostgreSQL, from the parameters of libpq URLs."""

import ssl
from typing import Any

MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
NAMES = ("sslmode", "sslrootcert", "sslcert", "sslkey")
SYSTEM = "system"
"""The value of `sslrootcert` that selects the machine's certificate authorities."""


class TlsError(ValueError):
    """The TLS parameters of a URL are invalid; the message says why."""


def apply_tls(credentials: dict[str, Any]) -> None:
    """Replace `sslmode`, `sslrootcert`, `sslcert` and `sslkey` by the `ssl` argument of asyncpg.

    Without `sslrootcert`, the authorities of the machine or of SSL_CERT_FILE are trusted. With it, `require` means
    `verify-ca`, as in libpq. Raises TlsError.
    """
    parameters = {name: credentials.pop(name) for name in NAMES if name in credentials}
    if not parameters:
        return
    mode = parameters.get("sslmode", "verify-full" if "sslrootcert" in parameters else "prefer")
    if mode not in MODES:
        raise TlsError(f"sslmode is “{mode}”, but must be one of {', '.join(MODES)}")
    if mode in {"disable", "allow", "prefer"} and not parameters.keys() & {"sslcert", "sslrootcert"}:
        credentials["ssl"] = mode
    elif mode == "disable":
        raise TlsError("sslmode is disable, but sslrootcert or sslcert is set; remove one of them")
    else:
        credentials["ssl"] = _context(mode, parameters)


def _context(mode: str, parameters: dict[str, str]) -> ssl.SSLContext:
    root = parameters.get("sslrootcert")
    try:
        context = ssl.create_default_context(cafile=None if root == SYSTEM else root)
        if "sslcert" in parameters:
            context.load_cert_chain(parameters["sslcert"], parameters.get("sslkey"))
    except ssl.SSLError as error:
        raise TlsError(f"the certificates in sslrootcert and sslcert cannot be used: {error.reason or error}") from None
    except OSError as error:
        raise TlsError(f"the certificates in sslrootcert and sslcert cannot be read: {error.strerror}") from None
    context.check_hostname = mode == "verify-full"
    if root is None and not mode.startswith("verify"):
        context.verify_mode = ssl.CERT_NONE
    return context
