"""`instream serve`: models behind REST and gRPC, until told to end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from instream.cli.options import StoreOption
from instream.cli.supervised import leave, until_told
from instream.deploy.served import served
from instream.errors import SettingsInvalid
from instream.process.status import Status
from instream.server.limits import Limits
from instream.server.settings import Server
from instream.stores.default import store_url


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[MODEL]", help="A model file, served without a store; the same kinds as `publish` takes."),
    ] = None,
    models: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="A model of the store; may be repeated. Each follows its head.")
    ] = None,
    store: StoreOption = None,
    sample: Annotated[Path | None, typer.Option(help="With a model file: rows like those to come; an .onnx file needs none.")] = None,
    http: Annotated[str, typer.Option(metavar="[HOST]:PORT", help="REST; port 0 takes a free one, an empty text leaves it out.")] = ":8080",
    grpc: Annotated[str, typer.Option(metavar="[HOST]:PORT", help="gRPC; the same.")] = ":8081",
    workers: Annotated[
        str, typer.Option(metavar="N|auto", help="Processes, each with its own copy of the models; auto takes one a core.")
    ] = "1",
    threads: Annotated[int, typer.Option(min=1, max=64, help="Batches scored at once in a process; for models that are heavy.")] = 1,
    certificate: Annotated[Path | None, typer.Option("--tls-cert", help="PEM; with --tls-key both ports speak TLS.")] = None,
    key: Annotated[Path | None, typer.Option("--tls-key", help="PEM.")] = None,
    trust_features: Annotated[
        bool, typer.Option("--trust-features", help="Run feature steps that were published with models: code from the store.")
    ] = False,
    requests: Annotated[int, typer.Option(min=1, help="Taken on and not yet answered by a process; more are refused at once.")] = 1_000,
    megabytes: Annotated[int, typer.Option("--waiting-mb", min=1, help="Of requests that a process holds; more are refused at once.")] = 64,
    body: Annotated[int, typer.Option("--body-mb", min=1, help="Of one request, at most.")] = 8,
    memory: Annotated[int, typer.Option("--memory-mb", min=1, help="For one model, with a swap under way.")] = 1_024,
    cache: Annotated[int, typer.Option("--cache-mb", min=1, help="Of that, for parameters of keys where a model is keyed.")] = 256,
    linger: Annotated[float, typer.Option("--linger", min=0, help="Seconds to go on after SIGTERM while readiness says no.")] = 0.0,
    grace: Annotated[float, typer.Option("--grace", min=0.1, help="Seconds to answer what was taken on.")] = 30.0,
    age: Annotated[
        float, typer.Option("--connection-age", min=1, help="Seconds; then a connection is closed, so that load spreads.")
    ] = 300.0,
) -> None:
    """Serve models over REST (Open Inference v2, TensorFlow Serving v1) and gRPC (Open Inference v2), and Arrow on both."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # nothing was taken on yet; as process 1 it would be ignored
    with contextlib.ExitStack() as stack:
        if path is not None:
            if models or store:
                raise SettingsInvalid("a model file is served without a store: leave out --model and --store, or the file")
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="instream-serve-")))
            store = f"sqlite:///{folder}/models.db"
            _publish(path, sample, store)
            models = [path.stem]
        if not models:
            raise SettingsInvalid("nothing to serve: instream serve --model NAME, or a model file")
        if (certificate is None) != (key is None):
            raise SettingsInvalid("TLS needs both --tls-cert and --tls-key")
        settings = Server(
            models=tuple(dict.fromkeys(models)),
            store=store_url(store),
            http=http or None,
            grpc=grpc or None,
            certificate=str(certificate.resolve()) if certificate else None,
            key=str(key.resolve()) if key else None,
            trust_features=trust_features,
            threads=threads,
            memory=memory << 20,
            cache=cache << 20,
            linger_s=linger,
            grace_s=grace,
            age_s=age,
            limits=Limits(requests=requests, nbytes=megabytes << 20, body_bytes=min(body, megabytes) << 20),
        )
        supervisor, settings = stack.enter_context(served(settings, _count(workers)))
        finished = until_told(supervisor, _Said(console, settings).update)
    leave(console, finished)


def _publish(path: Path, sample: Path | None, store: str) -> None:
    """In a process of its own: what converting takes is not kept for as long as the server runs."""
    rows = [] if sample is None else ["--sample", str(sample)]
    command = [sys.executable, "-m", "instream.cli", "publish", str(path), "--name", path.stem, "--store", store, *rows]
    if status := subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        sys.exit(status)


class _Said:
    """One line when the server is ready, one for each version that takes over, one when it ends."""

    def __init__(self, console: Console, settings: Server) -> None:
        self._console = console
        scheme = "s" if settings.certificate else ""
        self._where = ", ".join(
            [f"http{scheme}://{settings.http}"] * (settings.http is not None)
            + [f"grpc{scheme}://{settings.grpc}"] * (settings.grpc is not None)
        )
        self._last = ""

    def update(self, status: Status) -> None:
        if status.draining and self._last:
            self._say("answering what was taken on, then ending")
        elif status.ready:
            seen = sorted({(version, worker.report.head) for worker in status.workers for version in worker.report.versions})
            versions = ", ".join(f"version {version}" + (f" (head {head})" if head else "") for version, head in seen)
            self._say(f"ready: {versions} at {self._where}, {len(status.workers)} process{'es' * (len(status.workers) > 1)}")

    def _say(self, words: str) -> None:
        if words != self._last:
            self._last = words
            self._console.print(words, markup=False)


def _count(workers: str) -> int:
    if workers == "auto":
        return len(os.sched_getaffinity(0))
    if not workers.isdecimal() or not 1 <= int(workers) <= 256:
        raise SettingsInvalid(f"--workers {workers}: a number from 1 to 256, or auto")
    return int(workers)
