"""Images built and run for real, without a daemon and without a registry: buildah builds, Linux runs.

```python
with built(checkout) as image, image.started("serve", "/models/model.onnx", mounts={"/models": folder}) as container:
    assert container.ran("id", "-u").out == "10001\\n"
    assert container.stop() == 0
```

It needs Debian, root, and the right to mount; it brings buildah and debootstrap itself. A base image comes from
debootstrap, once, and is kept outside the checkout.
"""

from __future__ import annotations

import configparser
import contextlib
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instream.engines.jars import cache_folder
from instream.testing.services import ServiceFailed

_TOOLS = ("buildah", "debootstrap")
_SUITE = "bookworm"
_PACKAGES = ("ca-certificates", "python3", "python3-venv")
_LEFT_OUT = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale")
"""Folders of the base that are emptied, as slim images do."""

_COMMAND_S_MAX = 600
_START_S_MAX = 30
_STOP_S_MAX = 60

_ENTER = """\
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777,nosuid,nodev tmp "$root/tmp"
mount --bind /dev "$root/dev"
while [ "$1" != -- ]; do mount --bind "$1" "$root$2"; shift 2; done
shift
mount -o remount,bind,ro "$root"
exec "$@"
"""
"""The root file system read-only, with a /tmp that is not and what is mounted, in a mount namespace that ends with the container."""


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str


class Container:
    """A running container: process 1 of its own process namespace, on the host's network, with no capability."""

    def __init__(self, root: Path, process: subprocess.Popen[bytes], log: Path, inside: Sequence[str]) -> None:
        self._root = root
        self._process = process
        self._log = log
        self._inside = inside
        self.pid = 0
        self.pid = self._first()

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def ran(self, *command: str, **environ: str) -> Ran:
        """Run a command in it, as its user and with its environment."""
        changed = ["env", *(f"{name}={value}" for name, value in environ.items())]
        entered = ["nsenter", "--target", str(self.pid), "--mount", "--pid", "--root", *self._inside, *changed, *command]
        done = subprocess.run(entered, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        return Ran(done.returncode, done.stdout)

    def uids(self) -> set[int]:
        """The users of all its processes."""
        seen = set()
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended
                if os.readlink(folder / "ns/pid") == os.readlink(f"/proc/{self.pid}/ns/pid"):
                    seen.add(folder.stat().st_uid)
        return seen

    def stop(self) -> int:
        """SIGTERM to its first process, as `docker stop` does; its exit status."""
        os.kill(self.pid, signal.SIGTERM)
        return self._process.wait(_STOP_S_MAX)

    def close(self) -> None:
        """Its first process dies, and all others with it; returns when they are gone."""
        if self.running and self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait(_STOP_S_MAX)

    def _first(self) -> int:
        """The process with number 1 in there, once it is the container's command and not what prepares it."""
        end_s = time.monotonic() + _START_S_MAX
        while time.monotonic() < end_s and self.running:
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
                if children and Path(os.readlink(f"/proc/{children[0]}/root")) == self._root:
                    return int(children[0])
            time.sleep(0.01)
        self.close()
        raise ServiceFailed(f"the container did not start: {self.log}")


@dataclass(frozen=True)
class Image:
    """An image, unpacked.

    Attributes:
        root: its file system; containers leave it as it is.
        config: as Docker has it: User, Env, Entrypoint, Cmd and so on.
    """

    root: Path
    config: Mapping[str, Any]

    def nbytes(self, folder: str = "") -> int:
        """What its files hold, or those of one of its folders."""
        return sum(path.lstat().st_size for path in (self.root / folder).rglob("*") if path.is_file() and not path.is_symlink())

    @contextlib.contextmanager
    def started(self, *arguments: str, mounts: Mapping[str, Path] | None = None, **environ: str) -> Iterator[Container]:
        """A container with the image's entrypoint and user, for as long as the block lasts.

        Args:
            arguments: instead of the image's own.
            mounts: folders of this machine, by where they are in the container; those must be in the image.
        """
        user, group = self.config["User"].split(":")
        variables = [*self.config["Env"], *(f"{name}={value}" for name, value in environ.items())]
        dropped = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        become = ["setpriv", f"--reuid={user}", f"--regid={group}", *dropped, "--pdeathsig=KILL"]  # a change of user forgets it
        inside = [*become, "env", "--ignore-environment", f"--chdir={self.config['WorkingDir']}", *variables]
        command = [*self.config["Entrypoint"], *(arguments or self.config["Cmd"])]
        mounted = [text for where, folder in (mounts or {}).items() for text in (str(folder), where)]
        alone = [
            "setpriv",
            "--pdeathsig=KILL",
            "unshare",
            "--mount",
            "--pid",
            "--ipc",
            "--fork",
            "--kill-child=KILL",
            "--propagation=private",
        ]
        whole = [*alone, "sh", "-euc", _ENTER, "sh", str(self.root), *mounted, "--", "chroot", str(self.root), *inside, *command]
        with tempfile.NamedTemporaryFile(prefix="instream-container-") as log:
            process = subprocess.Popen(whole, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
            container = Container(self.root, process, Path(log.name), inside)
            try:
                yield container
            finally:
                container.close()


@contextlib.contextmanager
def built(checkout: Path, **arguments: str) -> Iterator[Image]:
    """The image that the Dockerfile of a checkout makes, on a base of Debian, for as long as the block lasts.

    What pip and uv downloaded is kept for the next time; nothing else is, so each build is a real one.

    Args:
        arguments: of the build.
    Raises:
        ServiceFailed: it cannot be built; says why.
    """
    base = prepared()
    with tempfile.TemporaryDirectory(prefix="instream-image-") as folder:
        store = _Store(Path(folder))
        secrets = store.secrets()
        named = {"BASE": f"oci-archive:{base}", **arguments}
        options = [f"--build-arg={name}={value}" for name, value in named.items()]
        store.buildah("bud", "--quiet", "--isolation=chroot", "--format=docker", "--tag=built", *options, *secrets, str(checkout))
        described = json.loads(store.buildah("inspect", "--type=image", "built"))
        root = Path(store.buildah("mount", store.buildah("from", "--pull-never", "built")))
        yield Image(root, described["Docker"]["config"])


def prepared() -> Path:
    """An archive of the base image, and the tools that are needed besides. Raises ServiceFailed: this machine cannot build any."""
    if os.geteuid() != 0:
        raise ServiceFailed("images are built and run as root here: run this as root, in a machine of its own")
    _done(["unshare", "--mount", "--pid", "--fork", "true"])
    _have_tools()
    return _base()


class _Store:
    """Images and containers in a folder of their own, apart from those of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._options = [f"--root={folder}/root", f"--runroot={folder}/run", "--storage-driver=vfs"]

    def buildah(self, *arguments: str) -> str:
        """What it says on standard output."""
        kept = cache_folder() / "image-downloads"  # the cache mounts of a build are below TMPDIR
        kept.mkdir(parents=True, exist_ok=True)
        return _done(["buildah", *self._options, *arguments], {"TMPDIR": str(kept)})

    def secrets(self) -> list[str]:
        """Options that give a build the package index of this machine, and the certificates that it trusts."""
        lines = {**_index(), "PIP_CERT": "/run/secrets/ca", "SSL_CERT_FILE": "/run/secrets/ca"}
        (self._folder / "index").write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in lines.items()))
        given = (os.environ.get(name) for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"))
        certificates = next(filter(None, given), "/etc/ssl/certs/ca-certificates.crt")
        return [f"--secret=id=index,src={self._folder}/index", f"--secret=id=ca,src={certificates}"]


def _index() -> dict[str, str]:
    """Variables by which pip and uv find packages as pip does on this machine, from its files and from the environment."""
    files = [Path("/etc/pip.conf"), Path.home() / ".pip/pip.conf", Path.home() / ".config/pip/pip.conf"]
    parsed = configparser.RawConfigParser()
    parsed.read([*files, os.environ.get("PIP_CONFIG_FILE", "")])
    pip = {f"PIP_{key.replace('-', '_').upper()}": value for key, value in (parsed.items("global") if parsed.has_section("global") else ())}
    pip |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    wanted = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_PROXY")
    found = {name: pip[name] for name in wanted if pip.get(name)}
    for ours, theirs in {
        "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
        "PIP_EXTRA_INDEX_URL": "UV_INDEX",
        "PIP_TRUSTED_HOST": "UV_INSECURE_HOST",
    }.items():
        if ours in found:
            found[theirs] = os.environ.get(theirs, found[ours])
    return found


def _base() -> Path:
    """An archive of Debian with Python, made when it is not there yet. Safe when several processes ask at once."""
    recipe = json.dumps([_SUITE, _PACKAGES, _LEFT_OUT, 1])
    path = cache_folder() / f"image-base-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}.tar"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.is_file():
            _make_base(path)
    return path


def _make_base(path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="instream-base-", dir=path.parent) as work:
        root, archive = Path(work) / "debian", Path(work) / "archive"
        _done(["debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", _SUITE, str(root), *_mirror()])
        for folder in _LEFT_OUT:
            shutil.rmtree(root / folder)
            (root / folder).mkdir()
        store = _Store(Path(work))
        container = store.buildah("from", "scratch")
        store.buildah("add", "--quiet", container, str(root), "/")
        store.buildah("commit", "--quiet", container, f"oci-archive:{archive}")
        archive.rename(path)


def _mirror() -> list[str]:
    """Where this machine gets its own Debian packages of that suite; nothing where it has none, for debootstrap knows a place."""
    fields = ["Created-By: Packages", f"Codename: {_SUITE}", "Origin: Debian"]
    return _done(["apt-get", "indextargets", "--format", "$(REPO_URI)", *fields]).split()[:1]


def _have_tools() -> None:
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise ServiceFailed(f"an image needs {' and '.join(missing)}, and there is no apt-get to install them: install them first")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    _done(["apt-get", "update"], quiet)
    _done(["apt-get", "install", "--yes", "--no-install-recommends", *missing], quiet)


def _done(command: Sequence[str], environ: Mapping[str, str] | None = None) -> str:
    """Its standard output. Raises ServiceFailed with the last lines of what it said."""
    shown = shlex.join(command)
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ServiceFailed(f"not finished within {_COMMAND_S_MAX} s: {shown}") from error
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise ServiceFailed(f"status {done.returncode} of {shown}\n{last}")
    return done.stdout.strip()


if __name__ == "__main__":
    try:
        prepared()
    except ServiceFailed as error:
        sys.exit(f"no image can be built on this machine: {error}")
