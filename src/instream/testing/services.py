"""What every real service of the tests needs: an end with this process, and ports."""

from __future__ import annotations

import socket
import subprocess
import uuid
from pathlib import Path
from random import Random

from instream.errors import SetUpFailed


class ServiceFailed(SetUpFailed):
    """A service for tests or demonstrations cannot be started."""


def end_with_us(pid: int, folder: Path) -> subprocess.Popen[bytes]:
    """A shell that kills a service when this process is gone, however it went: its standard input then ends.

    Not prctl(PR_SET_PDEATHSIG): that fires when the thread that started the service ends, not the process.
    """
    script = 'cat >/dev/null; kill -KILL "$0"; sleep 1; rm -rf "$1"'
    return subprocess.Popen(["sh", "-c", script, str(pid), str(folder)], stdin=subprocess.PIPE, start_new_session=True)


def free_ports(count: int) -> list[int]:
    """Ports below the range of outgoing connections, so that none is taken while a service is down for a restart."""
    random, found = Random(uuid.uuid4().int), set[int]()
    while len(found) < count:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.add(port)
    return sorted(found)
