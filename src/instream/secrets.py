"""`${env:NAME}` and `${file:path}`: resolved in the process that uses them, shown nowhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from instream.errors import SettingsInvalid

_REFERENCE = re.compile(r"\$\{(env|file):([^}]+)\}")
_SECRET_KEY = re.compile(r"password|secret|token|credential|private|sasl\.oauthbearer\.config|key\.pem", re.IGNORECASE)
_MISPLACED = re.compile(r"^([\w+.-]+://[^:/?#@]+:)[^?]*@")
_FILE_BYTES_MAX = 1 << 20

HIDDEN = "***"


def resolve(text: str, folder: Path) -> str:
    """Put in what the references stand for. Raises SettingsInvalid, naming the reference and never a value."""
    return _REFERENCE.sub(lambda found: _value(found[1], found[2], folder), text)


def _value(kind: str, name: str, folder: Path) -> str:
    if kind == "env":
        if name not in os.environ:
            raise SettingsInvalid(f"${{env:{name}}}: the environment variable {name} is not set in this process; export it")
        return os.environ[name]
    path = folder / name
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            raise SettingsInvalid(f"${{file:{name}}}: {path} is larger than {_FILE_BYTES_MAX:,} bytes")
        return path.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"${{file:{name}}}: {path} cannot be read: {error}") from error


def resolve_options(options: Mapping[str, str | int | float | bool], folder: Path) -> dict[str, str | int | float | bool]:
    """The same for each text among some options."""
    return {key: resolve(value, folder) if isinstance(value, str) else value for key, value in options.items()}


def files_of(text: str) -> list[str]:
    """Names of the files that references in a text stand for."""
    return [name for kind, name in _REFERENCE.findall(text) if kind == "file"]


def redact_options(options: Mapping[str, str | int | float | bool]) -> dict[str, str | int | float | bool]:
    """What may be shown of resolved options."""
    return {key: HIDDEN if _SECRET_KEY.search(key) else value for key, value in options.items()}


def redact_url(url: str) -> str:
    """A URL without its password.

    >>> redact_url("postgresql://ann:pw@host/db")
    'postgresql://ann:***@host/db'

    One that should have been quoted is hidden too:

    >>> redact_url("postgresql://ann:p/w@host/db")
    'postgresql://ann:***@host/db'
    """
    if password := urlsplit(url).password:
        return url.replace(f":{password}@", f":{HIDDEN}@")
    return _MISPLACED.sub(rf"\1{HIDDEN}@", url)


def plain_secrets(options: Mapping[str, str | int | float | bool]) -> list[str]:
    """Keys whose secret stands in the file itself instead of a reference."""
    return [key for key, value in options.items() if _SECRET_KEY.search(key) and isinstance(value, str) and not _REFERENCE.search(value)]
