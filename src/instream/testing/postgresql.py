"""A real PostgreSQL server for tests, demonstrations and benchmarks: no Docker, nothing but the server's programs.

```python
with Postgres() as server:
    store = open_store(server.database())
```
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from instream.testing.services import ServiceFailed

USER, PASSWORD = "ann", "ann-secret"
"""The superuser of the server."""

_READY_S_MAX = 60
_STOP_S_MAX = 30
_SERVICE_USERS = ("postgres", "nobody")


class Postgres:
    """One server on a free loopback port with its data in a temporary folder.

    It ends with the `with` block, and also when this process dies.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        self._made = 0
        self.port = 0

    def __enter__(self) -> Postgres:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Postgres:
        """Start, or start again with the same data and port; returns when it answers. Raises ServiceFailed."""
        programs = _programs()
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="instream-postgresql-"))
            self.port = _free_port()
            _initialize(programs, self._folder)
        data = self._folder / "data"
        options = [f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=16MB"]
        with (self._folder / "server.out").open("ab") as out:
            self._process = subprocess.Popen(
                [str(programs / "postgres"), "-D", str(data), *(part for each in options for part in ("-c", each))],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **_unprivileged(),
            )
        self._watch = _end_with_us(self._process.pid, self._folder)
        self._wait_until_ready(self._folder)
        return self

    def stop(self) -> None:
        """Stop in order, and break what is connected; data and port stay for `start`."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Die at once, as a machine would; data and port stay for `start`."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stand still without being gone: connections stay, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and delete its data."""
        self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def url(self, database: str, user: str = USER, password: str = PASSWORD) -> str:
        """What a store's URL says for a database of this server."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def database(self, options: str = "") -> str:
        """A new, empty database; its URL. The options are those of CREATE DATABASE."""
        self._made += 1
        name = f"d{self._made}"
        self.execute("postgres", f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def execute(self, database: str, *statements: str) -> list[tuple[Any, ...]]:
        """Each in a transaction of its own, as the superuser; the rows of the last one."""
        found: list[tuple[Any, ...]] = []
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=10) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
                found = cursor.fetchall() if cursor.description else []
        return found

    def _wait_until_ready(self, folder: Path) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _READY_S_MAX
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        last = "\n".join((folder / "server.out").read_text(errors="replace").splitlines()[-20:])
        raise ServiceFailed(f"PostgreSQL at port {self.port} did not answer in {_READY_S_MAX} s; its last lines:\n{last}")

    def _signal(self, how: signal.Signals) -> None:
        """To the server first, so that it starts no process that is missed."""
        if self._process is not None:
            self._process.send_signal(how)
            for pid in _children(self._process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, how)

    def _end(self, how: signal.Signals) -> None:
        if self._watch is not None:
            self._watch.kill()
            self._watch.wait()
            self._watch = None
        if self._process is None:
            return
        children = _children(self._process.pid)
        if how == signal.SIGKILL:
            self._signal(how)
        else:
            self._process.send_signal(how)
        try:
            self._process.wait(_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._process = None
        _wait_until_gone(children)  # the memory that they share bars the next start


def _programs() -> Path:
    """The folder of initdb and postgres: the newest in Debian's place, or the one on the PATH."""
    versions = [each.parent for each in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if versions:
        return max(versions, key=lambda each: float(each.parent.name))
    if (found := shutil.which("initdb")) and shutil.which("postgres"):
        return Path(found).resolve().parent
    raise ServiceFailed("PostgreSQL's server is neither in /usr/lib/postgresql nor on the PATH: apt-get install postgresql")


def _unprivileged() -> dict[str, Any]:
    """How to run it as root: as somebody else, since the server refuses."""
    if os.geteuid() != 0:
        return {}
    user = _service_user()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _service_user() -> pwd.struct_passwd:
    for name in _SERVICE_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServiceFailed(f"PostgreSQL refuses to run as root, and there is no user {' or '.join(_SERVICE_USERS)}: run as another user")


def _initialize(programs: Path, folder: Path) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if os.geteuid() == 0:
        user = _service_user()
        for each in (folder, secret):
            os.chown(each, user.pw_uid, user.pw_gid)
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "--username", USER, f"--pwfile={secret}"]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=_READY_S_MAX, check=False, **_unprivileged())
    if done.returncode:
        raise ServiceFailed(f"PostgreSQL could not make {folder}:\n{done.stdout}{done.stderr}")


def _children(pid: int) -> list[int]:
    """Processes that this one started. Each has a session of its own, so no group has them all."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            if f"\nPPid:\t{pid}\n" in status.read_text(errors="replace"):
                found.append(int(status.parent.name))
    return found


def _wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + _STOP_S_MAX
    while time.monotonic() < deadline and any(_running(pid) for pid in pids):
        time.sleep(0.01)


def _running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(errors="replace")
    except OSError:
        return False


def _end_with_us(pid: int, folder: Path) -> subprocess.Popen[bytes]:
    """A shell that kills the server when this process is gone, however it went: its standard input then ends.

    Its processes too: one that stands still would not see that the server is gone.
    """
    script = (
        'cat >/dev/null; parts=$(grep -l "^PPid:[[:space:]]*$0\\$" /proc/[0-9]*/status 2>/dev/null | cut -d/ -f3); '
        'kill -KILL "$0" $parts; sleep 1; rm -rf "$1"'
    )
    return subprocess.Popen(["sh", "-c", script, str(pid), str(folder)], stdin=subprocess.PIPE, start_new_session=True)


def _free_port() -> int:
    """Below the range of outgoing connections, so that it is not taken while the server is down for a restart."""
    random = Random(uuid.uuid4().int)
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
