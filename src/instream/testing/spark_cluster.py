"""A real standalone cluster of Spark, for tests and demonstrations: a master and workers from PySpark's own jars, no Docker.

```python
with SparkCluster(workers=2) as cluster:
    submit(settings, Run(until="end"), cluster.url, print)
```
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pyspark

from instream.testing.processes import children
from instream.testing.services import ServiceFailed, end_with_us, free_ports

_READY_S_MAX = 60
_STOP_S_MAX = 30


class SparkCluster:
    """On free loopback ports. It ends with the `with` block, and also when this process dies."""

    def __init__(self, workers: int = 1, cores: int = 2, memory_mb: int = 1_024) -> None:
        """Say what it has.

        Args:
            cores, memory_mb: that each worker offers; an executor takes up to 1 GB of that.
        """
        self._count = workers
        self._cores = cores
        self._memory_mb = memory_mb
        self._folder: Path | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._watches: list[subprocess.Popen[bytes]] = []
        self.url = ""

    def __enter__(self) -> SparkCluster:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> SparkCluster:
        """Start; returns when the workers have registered. Raises ServiceFailed."""
        self._folder = Path(tempfile.mkdtemp(prefix="instream-spark-cluster-"))
        port, web, *ports = free_ports(2 + 2 * self._count)
        self.url = f"spark://127.0.0.1:{port}"
        self._begin("master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(web))
        self._wait_for("master.Master.out", "I have been elected leader")
        for number in range(self._count):
            options = ["--host", "127.0.0.1", "--port", str(ports[2 * number]), "--webui-port", str(ports[2 * number + 1])]
            options += ["--cores", str(self._cores), "--memory", f"{self._memory_mb}M", "--work-dir", str(self._folder / f"work{number}")]
            self._begin("worker.Worker", *options, self.url)
        self._wait_for("master.Master.out", "Registering worker", self._count)
        return self

    def executors(self) -> list[int]:
        """Process ids of the executors that run now. A worker has other children, too, for moments."""
        return [child for worker in self._processes[1:] for child in children(worker.pid) if _is_executor(child)]

    def close(self) -> None:
        """End everything and delete what it wrote."""
        for watch in self._watches:
            watch.kill()
            watch.wait()
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(_STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes, self._watches = [], []
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _begin(self, what: str, *arguments: str) -> None:
        assert self._folder is not None
        home = Path(pyspark.__file__).parent
        environ = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
        with (self._folder / f"{what}.out").open("ab") as out:
            process = subprocess.Popen(
                [str(home / "bin/spark-class"), f"org.apache.spark.deploy.{what}", *arguments],
                cwd=self._folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(process)
        self._watches.append(end_with_us(process.pid, self._folder))

    def _wait_for(self, file: str, phrase: str, times: int = 1) -> None:
        assert self._folder is not None
        log, until = self._folder / file, time.monotonic() + _READY_S_MAX
        while log.read_text(errors="replace").count(phrase) < times:
            if time.monotonic() > until or any(process.poll() is not None for process in self._processes):
                last = "\n".join(each.read_text(errors="replace")[-1_500:] for each in self._folder.glob("*.out"))
                raise ServiceFailed(f"a Spark cluster at {self.url} did not stand in {_READY_S_MAX} s; its last lines:\n{last}")
            time.sleep(0.1)


def _is_executor(pid: int) -> bool:
    try:
        return b"CoarseGrainedExecutorBackend" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
