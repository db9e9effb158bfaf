"""Trusted certificate authorities: the public ones, those of the machine, and those of the operator."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import certifi


@dataclass(frozen=True, slots=True)
class Authorities:
    """Paths of the certificates of authorities, as PEM.

    `extra` (BOREAS_CA_FILE) is trusted beside all others. `file` and `folder` (SSL_CERT_FILE, SSL_CERT_DIR) replace
    the machine's own and the public ones, as with OpenSSL.
    """

    extra: Path | None = None
    file: Path | None = None
    folder: Path | None = None


USUAL = Authorities()


class AuthoritiesError(Exception):
    """Certificates cannot be read; the message names the variable, the path and the reason."""


def tls_context(authorities: Authorities = USUAL) -> ssl.SSLContext:
    """Return a TLS context for clients that trusts these authorities. Raises AuthoritiesError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authorities.file or authorities.folder:
        _load(context, "SSL_CERT_FILE", authorities.file)
        _load(context, "SSL_CERT_DIR", authorities.folder)
    else:
        context.load_default_certs()
        context.load_verify_locations(certifi.where())
    _load(context, "BOREAS_CA_FILE", authorities.extra)
    return context


def _load(context: ssl.SSLContext, variable: str, path: Path | None) -> None:
    if path is None:
        return
    try:
        if variable == "SSL_CERT_DIR":
            next(path.iterdir(), None)
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        why = "it has no certificate in PEM format"
    except OSError as error:
        why = error.strerror or str(error)
    else:
        return
    raise AuthoritiesError(f"{variable} is {path}, which cannot be used: {why}.")
