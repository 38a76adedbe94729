"""What a `cassandra://` URL says."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from pydantic import BaseModel, Field, SecretStr

from instream.errors import SettingsInvalid
from instream.secrets import redact_url

_ADDRESS = frozenset({"hosts", "port", "keyspace", "user", "password"})
_FILES = frozenset({"ssl_ca", "ssl_cert", "ssl_key"})
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?"
_EXPECTED = "expected cassandra://user:password@host1,host2:9042/keyspace, special characters of a password as %40"


class Settings(BaseModel, extra="forbid", frozen=True):
    """`cassandra://user:password@h1,h2:9042/keyspace?consistency=LOCAL_QUORUM`."""

    hosts: tuple[str, ...] = Field(min_length=1, description="Where to ask first; the others are learnt from these.")
    port: int = Field(9042, gt=0, lt=65536)
    keyspace: str = Field(pattern=r"^[A-Za-z]\w{0,47}$")
    create: bool = Field(True, description="Make keyspace and tables where they are absent.")
    user: str = ""
    password: SecretStr = SecretStr("")
    datacenter: str = Field("", description="The one whose nodes are asked; needed where there are several.")
    consistency: Literal["LOCAL_QUORUM", "QUORUM", "EACH_QUORUM", "ALL"] = "LOCAL_QUORUM"
    serial: Literal["LOCAL_SERIAL", "SERIAL"] = Field("LOCAL_SERIAL", description="SERIAL where several datacenters write.")
    replication: str = Field(
        "3", pattern=r"^([1-9]\d?|[\w-]+:[1-9]\d?(,[\w-]+:[1-9]\d?)*)$", description="Of a new keyspace: `3`, or `dc1:3,dc2:3`."
    )
    request_ms: int = Field(10_000, ge=100, le=600_000, description="Longest wait for one answer; so long a failed read is repeated.")

    tls: bool = Field(False, description="Encrypted, and the nodes vouched for by who this machine trusts.")
    ssl_ca: Path | None = Field(None, description="Certificates of those who may sign the nodes'; says tls as well.")
    ssl_cert: Path | None = Field(None, description="This client's own, where the nodes ask for one.")
    ssl_key: Path | None = Field(None, description="The key of that, if it is not in the same file.")

    def ssl_context(self) -> ssl.SSLContext | None:
        """None for a connection that is not encrypted. Raises SettingsInvalid where a file is not what it should be."""
        if not (self.tls or self.ssl_ca or self.ssl_cert or self.ssl_key):
            return None
        try:
            context = ssl.create_default_context(cafile=self.ssl_ca)
            if self.ssl_cert or self.ssl_key:
                context.load_cert_chain(self.ssl_cert or "", self.ssl_key)
        except OSError as error:
            files = ", ".join(str(each) for each in (self.ssl_ca, self.ssl_cert, self.ssl_key) if each)
            raise SettingsInvalid(f"store {self.shown()}: {files}: {error}; expected files in PEM") from error
        return context

    def shown(self) -> str:
        """Where it is, for messages: without the password."""
        user = f"{self.user}@" if self.user else ""
        return f"cassandra://{user}{','.join(self.hosts)}:{self.port}/{self.keyspace}"


def _address(where: str) -> dict[str, object]:
    login, _, rest = where.rpartition("@")
    hosts, _, keyspace = rest.partition("/")
    found = [re.fullmatch(_HOST, host) for host in hosts.split(",")]
    ports = {host[2] for host in found if host and host[2]}
    if not all(found) or not keyspace or len(ports) > 1:
        problem = "one port for all hosts; " if len(ports) > 1 else ""
        shown = redact_url(f"cassandra://{where}") if login else "cassandra://…"  # a password may be what is misplaced
        raise SettingsInvalid(f"store {shown}: {problem}{_EXPECTED}")
    user, _, password = login.partition(":")
    address: dict[str, object] = {"hosts": tuple(host[1].strip("[]") for host in found if host), "keyspace": keyspace}
    return address | {"user": unquote(user), "password": unquote(password)} | ({"port": ports.pop()} if ports else {})


def settings_of(where: str, options: dict[str, str], folder: Path) -> Settings:
    """Args: folder: where relative paths start."""
    if own := sorted(_ADDRESS & options.keys()):
        raise SettingsInvalid(f"store cassandra://: {own[0]} is no option; {_EXPECTED}")
    files = {name: folder / options[name] for name in _FILES & options.keys()}
    return Settings.model_validate({**options, **files, **_address(where)})
