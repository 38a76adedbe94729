"""A real session cluster of Flink's, a JobManager and TaskManagers as processes, from the jars that PyFlink brings.

```python
with FlinkCluster() as cluster:
    submit(settings, Run(), cluster.url, print)
    cluster.kill_task_manager()
```
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pyflink

from instream.testing.services import ServiceFailed, end_with_us, free_ports

_READY_S_MAX = 60
_JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_OPENS = [
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("java.lang", "java.net", "java.nio", "java.io", "java.text", "java.time", "java.util", "java.util.concurrent")
]
_SETTINGS = """\
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: {rpc}
jobmanager.bind-host: 127.0.0.1
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: {rest}
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: {slots}
taskmanager.cpu.cores: 1.0
taskmanager.memory.task.heap.size: 256m
taskmanager.memory.task.off-heap.size: 0m
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.network.min: 64m
taskmanager.memory.network.max: 64m
taskmanager.memory.managed.size: 128m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 192m
taskmanager.memory.jvm-overhead.max: 192m
heartbeat.interval: 500
heartbeat.timeout: 3000
metrics.fetcher.update-interval: 1000
io.tmp.dirs: {folder}
"""
_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} - %m%n
"""


class FlinkCluster:
    """On free loopback ports with its files in a temporary folder; it ends with the `with` block, and with this process."""

    def __init__(self, slots: int = 2) -> None:
        self._slots = slots
        self._folder = Path(tempfile.mkdtemp(prefix="instream-flink-"))
        self._running: list[tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]] = []  # each with what ends it with us
        self._started = 0
        rpc, rest = free_ports(2)
        self.url = f"http://127.0.0.1:{rest}"
        text = _SETTINGS.format(rpc=rpc, rest=rest, slots=slots, folder=self._folder)
        (self._folder / "config.yaml").write_text(text)
        (self._folder / "log4j.properties").write_text(_LOGGING)

    def __enter__(self) -> FlinkCluster:
        try:
            self._start(_JOB_MANAGER)
            self.start_task_manager()
        except ServiceFailed:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        while self._running:
            self._end_newest()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def log(self) -> str:
        """What all processes have said."""
        return "".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("*.out")))

    def start_task_manager(self) -> None:
        """One more; returns when its slots are there. Raises ServiceFailed."""
        expected = self._slots_now() + self._slots
        self._start(_TASK_MANAGER)
        until = time.monotonic() + _READY_S_MAX
        while self._slots_now() < expected:
            if time.monotonic() > until or any(process.poll() is not None for process, _ in self._running):
                raise ServiceFailed(
                    f"Flink's cluster at {self.url} did not come up in {_READY_S_MAX} s; its last lines:\n{self.log[-3000:]}"
                )
            time.sleep(0.1)

    def kill_task_manager(self) -> None:
        """kill -9 of the newest, and a new one in its place, as an operator's supervisor would."""
        self._end_newest()
        self._start(_TASK_MANAGER)

    def _end_newest(self) -> None:
        process, watch = self._running.pop()
        for each in (watch, process):
            each.kill()
            each.wait()

    def _start(self, entry: str) -> None:
        home = Path(pyflink.__file__).parent
        python_jar = next((home / "opt").glob("flink-python-*.jar"))
        logging = f"-Dlog4j.configurationFile={self._folder}/log4j.properties"
        command = ["java", "-Xmx512m", "-XX:+IgnoreUnrecognizedVMOptions", *_OPENS, logging]
        command += ["-cp", f"{home / 'lib'}/*:{python_jar}", entry, "--configDir", str(self._folder)]
        if entry == _JOB_MANAGER:
            command += ["--executionMode", "cluster"]
        with (self._folder / f"{self._started}.out").open("ab") as out:
            process = subprocess.Popen(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._started += 1
        self._running.append((process, end_with_us(process.pid, self._folder)))

    def _slots_now(self) -> int:
        try:
            with build_opener(ProxyHandler({})).open(f"{self.url}/overview", timeout=2) as answer:
                return int(json.load(answer)["slots-total"])
        except (URLError, OSError, ValueError):
            return 0
