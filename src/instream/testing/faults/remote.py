"""Bad minutes in the life of a model server, as the pipelines that call it see them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random

import msgspec

from instream.head import Head
from instream.stores import Store, open_store
from instream.testing.faults.pipeline import Setting
from instream.testing.faults.running import Running
from instream.testing.faults.scenarios import LAST_S, RATE, Outcome, drained, rest
from instream.testing.faults.served import Served, served
from instream.testing.models import linear_package

KILLS = 10
STOPPED_S = 60.0
STOPPED_SETTINGS = """
[source.options]
"max.poll.interval.ms" = 20000
"session.timeout.ms" = 6000
"""
_HEADS = 50
_NOT_NOW = (429, 503, 504)
"""What a caller on a busy machine may be told; no answer, and so none that could be wrong."""
_CALLERS = 4


@contextmanager
def server_of(setting: Setting, *arguments: str) -> Iterator[Served]:
    """A server of the setting's store."""
    with served(setting.folder, "--model", "delay", "--store", f"sqlite:///{setting.folder}/models.db", *arguments) as server:
        yield server


def piped(setting: Setting, server: Served, scheme: str, log: str = "run.log") -> Running:
    """The setting's pipeline, with its model at the server."""
    endpoint = f"{scheme}://{server.grpc if scheme == 'grpc' else server.http}"
    remote = ["strategy.kind=remote", f"strategy.endpoint={endpoint}", "strategy.timeout_ms=2000"]
    return setting.run(*(part for each in remote for part in ("--set", each)), log=log)


def server_killed(settings: Mapping[str, Setting], seed: int) -> Mapping[str, Outcome]:
    """kill -9 of the server, ten times under a paced stream; by scheme, a pipeline each."""
    random = Random(seed)
    with server_of(next(iter(settings.values()))) as server:
        running = {scheme: piped(setting, server, scheme) for scheme, setting in settings.items()}
        streams = [setting.stream(RATE) for setting in settings.values()]
        for each in running.values():
            each.wait_until_said("partitions assigned")
        for stream in streams:
            stream.__enter__()
        for _ in range(KILLS):
            time.sleep(random.uniform(0.5, 3))
            server.kill()
            time.sleep(random.uniform(0, 1))
            server.start()
        for stream in streams:
            stream.stop()
        return {scheme: drained(setting, running[scheme]) for scheme, setting in settings.items()}


def server_stopped(setting: Setting, scheme: str) -> Outcome:
    """The server listens and does not answer for a minute, where the group allows 20 s between polls."""
    with server_of(setting) as server:
        running = piped(setting, server, scheme)
        with setting.stream(RATE):
            running.wait_until_said("partitions assigned")
            began_s = time.monotonic()
            time.sleep(3)
            with server.stopped():
                time.sleep(STOPPED_S)
            rest(began_s + max(LAST_S, STOPPED_S + 10))
        return drained(setting, running)


def heads_moved(setting: Setting) -> tuple[Outcome, int, list[str]]:
    """The head moves fifty times while a pipeline and callers ask; version 1 says 1.0 and version 2 says 2.0.

    Returns:
        What became of the records, how many answers callers had, and those that were not what their version says.
    """
    store = open_store(f"sqlite:///{setting.folder}/models.db")
    versions = [store.put(linear_package(setting.folder, 0.0, bias)) for bias in (1.0, 2.0)]
    store.append_head(_next(store, versions[0]))
    with server_of(setting) as server:
        running = piped(setting, server, "grpc")
        with setting.stream(RATE), _asked(server, dict(zip(versions, (1.0, 2.0), strict=True))) as (answers, wrong):
            running.wait_until_said("partitions assigned")
            began_s = time.monotonic()
            for turn in range(_HEADS):
                time.sleep(0.7)
                store.append_head(_next(store, versions[turn % 2]))
            rest(began_s + LAST_S)
        return drained(setting, running), len(answers), wrong


def hung_up(server: Served, clients: int, after_s: float) -> None:
    """So many clients ask, and go before they can be answered."""
    body = b'{"inputs":[{"name":"x","datatype":"FP64","shape":[1],"data":[1]}]}'
    request = b"POST /v2/models/delay/infer HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    host, _, port = server.http.rpartition(":")
    opened = []
    for _ in range(clients):
        client = socket.create_connection((host, int(port)))
        client.sendall(request)
        opened.append((time.monotonic() + after_s, client))
    for due_s, client in opened:
        rest(due_s)
        client.close()


def _next(store: Store, version: int) -> Head:
    head = store.head("delay")
    return msgspec.structs.replace(head.next(champion=head.champion, by="test", at_ms=0), champion=version)


@contextmanager
def _asked(server: Served, says: Mapping[int, float]) -> Iterator[tuple[list[None], list[str]]]:
    """Callers over REST, until the block ends: their answers are counted, and those that do not equal their stamp kept."""
    import http.client

    answers: list[None] = []
    wrong: list[str] = []
    over = threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection(server.http, timeout=30)
        while not over.is_set():
            connection.request("POST", "/v2/models/delay/infer", b'{"inputs":[{"name":"x","datatype":"FP64","shape":[1],"data":[5]}]}')
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                if response.status not in _NOT_NOW:
                    wrong.append(f"{response.status}: {body.decode()[:200]}")
                time.sleep(0.05)
                continue
            said = msgspec.json.decode(body)
            found = (said["model_version"], response.headers["instream-version"], said["outputs"][0]["data"][0])
            expected = says[int(said["model_version"])]
            answers.append(None)
            if found != (said["model_version"], said["model_version"], expected):
                wrong.append(str(found))
        connection.close()

    callers = [threading.Thread(target=ask, daemon=True) for _ in range(_CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield answers, wrong
    finally:
        over.set()
        for caller in callers:
            caller.join(30)
