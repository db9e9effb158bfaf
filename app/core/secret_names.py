"""Which variables hold secrets, as their names tell."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TELLING = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|API_?KEY", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_WORDS = _words(
    """
    PASS PASSES PASSPHRASE PASSCODE PWD PW PIN OTP KEY KEYS AUTH AUTHORIZATION BEARER CREDS CRED JWT SALT PEPPER COOKIE
    COOKIES DSN SIGNATURE HMAC
    """
)
_ENDINGS = ("PASS", "PASSPHRASE", "PWD", "KEY")
_INNOCENT = _words("BYPASS COMPASS TRESPASS OVERPASS UNDERPASS MONKEY TURKEY DONKEY HOTKEY WHISKEY JOCKEY HOCKEY")
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
    """Tell whether a variable's name says that its value is secret: DB_PASS, sshKey or API_TOKEN, but not KEY_PATH.

    Words that leave no doubt tell it wherever they stand; those that also name harmless things (a key, a pass) only
    where the last word does not say that the value is about one (its path, name, type …), or that it is public.
    """
    if _TELLING.search(name):
        return True
    words = [word.upper() for word in _WORD.findall(name)]
    while words and words[-1].isdecimal():
        words.pop()
    if not words or name.upper() in _FOLDERS or words[-1] in _DESCRIBES or not _PUBLIC.isdisjoint(words):
        return False
    return any(word in _WORDS or (word.endswith(_ENDINGS) and word not in _INNOCENT) for word in words)
