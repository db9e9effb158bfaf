"""Names of variables that hold secrets."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UNAMBIGUOUS = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|API_?KEY", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_WORDS = _words(
    """
    PASS PASSES PASSPHRASE PASSCODE PWD PW PIN OTP KEY KEYS AUTH AUTHORIZATION BEARER CREDS CRED JWT SALT PEPPER COOKIE
    COOKIES DSN SIGNATURE HMAC
    """
)
_ENDINGS = ("PASS", "PASSPHRASE", "PWD", "KEY")
_HARMLESS = _words("BYPASS COMPASS TRESPASS OVERPASS UNDERPASS MONKEY TURKEY DONKEY HOTKEY WHISKEY JOCKEY HOCKEY")
_PUBLIC = _words("PUBLIC PUB")
_DESCRIBES = _words(
    """
    PATH PATHS FILE FILES FILENAME DIR DIRECTORY FOLDER NAME NAMES ID IDS URL URI HOST HOSTNAME PORT TYPE KIND MODE
    METHOD PROVIDER BACKEND ENABLED ENABLE DISABLED DISABLE REQUIRED TTL EXPIRY TIMEOUT LENGTH SIZE COUNT COUNTS
    ALGORITHM ALG SOCK SOCKET USER USERNAME REALM SCOPE SCOPES ISSUER AUDIENCE VERSION FORMAT REGION COLUMN FIELD PREFIX
    ROTATION FINGERPRINT EXTENSION THROUGH RATE
    """
)
_FOLDERS = _words("PWD OLDPWD")


def is_secret_name(name: str) -> bool:
    """Tell whether a variable's name marks a secret: DB_PASS, sshKey, API_TOKEN, but not KEY_PATH.

    Unambiguous words count anywhere in the name. Words that also name harmless things (key, pass) count unless the last
    word describes the secret (its path, name, type …) or the name says that it is public.
    """
    if _UNAMBIGUOUS.search(name):
        return True
    words = [word.upper() for word in _WORD.findall(name)]
    while words and words[-1].isdecimal():
        words.pop()
    if not words or name.upper() in _FOLDERS or words[-1] in _DESCRIBES or not _PUBLIC.isdisjoint(words):
        return False
    return any(word in _WORDS or (word.endswith(_ENDINGS) and word not in _HARMLESS) for word in words)
