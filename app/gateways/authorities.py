"""Whose certificates are believed: the public authorities, those of the machine, and those of the operator."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import certifi


@dataclass(frozen=True, slots=True)
class Authorities:
    """Where the certificates of authorities lie, as PEM.

    `extra` (BOREAS_CA_FILE) is believed beside all others. `file` and `folder` (SSL_CERT_FILE, SSL_CERT_DIR) stand in
    place of the machine's own and the public ones, as OpenSSL and what is built on it have it.
    """

    extra: Path | None = None
    file: Path | None = None
    folder: Path | None = None


USUAL = Authorities()


class AuthoritiesError(Exception):
    """Certificates can not be read; the message names the variable and what to do."""


def tls_context(authorities: Authorities = USUAL) -> ssl.SSLContext:
    """Return a context for clients that believes these authorities. Raises AuthoritiesError."""
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
        why = "it holds no certificate in PEM"
    except OSError as error:
        why = error.strerror or str(error)
    else:
        return
    raise AuthoritiesError(f"{variable} is {path}, which cannot be used: {why}.")
