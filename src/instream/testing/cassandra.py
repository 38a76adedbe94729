"""A real Apache Cassandra node as one process, for tests, demonstrations and benchmarks: no Docker, nothing installed.

```python
with Node() as node:
    store = open_store(node.url(node.keyspace()))
```
"""

from __future__ import annotations

import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from cassandra import ConsistencyLevel, ProtocolVersion
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import RoundRobinPolicy

from instream.engines.jars import jars
from instream.testing.certificates import SECRET, Certificates
from instream.testing.processes import freeze
from instream.testing.services import ServiceFailed, end_with_us, free_ports

VERSION = "5.0.5"
USER, PASSWORD = "cassandra", "cassandra"
"""The superuser that Cassandra makes for itself."""

_READY_S_MAX = 90

# batch: with `periodic`, the default, a killed node forgets what it acknowledged in the last 100 ms
_YAML = """\
cluster_name: instream
num_tokens: 4
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: "{seed}"}}]
listen_address: {address}
rpc_address: {address}
storage_port: {storage}
native_transport_port: {native}
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
role_manager: CassandraRoleManager
commitlog_sync: batch
commitlog_segment_size: 8MiB
memtable_allocation_type: heap_buffers
auto_snapshot: false
"""
_TLS = """\
client_encryption_options:
  enabled: true
  optional: false
  require_client_auth: true
  store_type: PKCS12
  keystore: {keystore}
  keystore_password: {secret}
  truststore: {truststore}
  truststore_password: {secret}
"""
_LOGBACK = """\
<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %date{ISO8601} %logger{20} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="OUT"/></root>
</configuration>
"""
_EXPORTS = """
java.base/java.lang.ref java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/sun.nio.ch
java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry java.rmi/sun.rmi.server java.sql/java.sql
jdk.unsupported/sun.misc
"""
_OPENS = """
java.base/java.io java.base/java.lang java.base/java.lang.module java.base/java.lang.reflect java.base/java.net java.base/java.nio
java.base/java.util java.base/java.util.concurrent java.base/java.util.concurrent.atomic java.base/jdk.internal.loader
java.base/jdk.internal.math java.base/jdk.internal.module java.base/jdk.internal.ref java.base/jdk.internal.reflect
java.base/jdk.internal.util.jar java.base/sun.nio.ch jdk.management/com.sun.management.internal
"""


class Node:
    """One node on a loopback address, on free ports, with its data in a temporary folder.

    It ends with the `with` block, and also when this process dies. A second node joins the first as
    `Node("127.0.0.2", first)`: all of a cluster use the first one's ports. With `tls` it asks clients for a certificate, too.
    """

    def __init__(self, address: str = "127.0.0.1", joins: Node | None = None, heap_mb: int = 768, tls: Certificates | None = None) -> None:
        self._tls = tls
        self.address = address
        ports = [joins.port, joins._storage] if joins else free_ports(2)
        self.port: int = ports[0]
        self._storage: int = ports[1]
        self._seed = f"{joins.address if joins else address}:{self._storage}"
        self._joins = joins is not None
        self._heap_mb = heap_mb
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Node:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Node:
        """Start, or start again with the same data and ports; returns when it answers. Raises ServiceFailed."""
        libs = jars(Path(__file__).with_name("cassandra.pom.xml"), f"cassandra-{VERSION}")
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="instream-cassandra-"))
            self._configure(self._folder)
        with (self._folder / "node.out").open("ab") as out:
            self._process = subprocess.Popen(
                [*_java(libs, self._folder, self._heap_mb, self._joins), "org.apache.cassandra.service.CassandraDaemon"],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._watch = end_with_us(self._process.pid, self._folder)
        self._wait_until_ready()
        return self

    def kill(self) -> None:
        """Die at once, as a machine would; data and ports stay for `start`."""
        if self._watch is not None:
            self._watch.kill()
            self._watch.wait()
            self._watch = None
        if self._process is not None:
            self._process.kill()  # a frozen process too
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop answering, with every connection open, as an overloaded machine would."""
        assert self._process is not None
        freeze(self._process.pid)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and delete its data."""
        self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def url(self, keyspace: str, user: str = USER, password: str = PASSWORD, **options: object) -> str:
        """What `--store` says for a keyspace of this node."""
        query = "&".join(f"{key}={value}" for key, value in ({"replication": 1} | options).items())
        return f"cassandra://{user}:{password}@{self.address}:{self.port}/{keyspace}?{query}"

    def keyspace(self) -> str:
        """A name that nobody else uses; who opens a store there makes the keyspace."""
        return f"k{uuid.uuid4().hex[:12]}"

    def execute(self, *statements: Any) -> list[Any]:
        """Statements of an operator; the rows of the last one."""
        cluster = self._cluster()
        try:
            session = cluster.connect()
            return [list(session.execute(statement)) for statement in statements][-1]
        finally:
            cluster.shutdown()

    def _cluster(self) -> Cluster:
        profile = ExecutionProfile(RoundRobinPolicy(), consistency_level=ConsistencyLevel.LOCAL_QUORUM, request_timeout=30)
        return Cluster(
            [self.address],
            port=self.port,
            auth_provider=PlainTextAuthProvider(USER, PASSWORD),
            protocol_version=ProtocolVersion.V4,
            ssl_context=self._ssl_context(),
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        )

    def _ssl_context(self) -> ssl.SSLContext | None:
        if self._tls is None:
            return None
        context = ssl.create_default_context(cafile=self._tls.ca)
        context.check_hostname = False  # the operator looks at any certificate
        context.load_cert_chain(self._tls.service, self._tls.key)
        return context

    def _configure(self, folder: Path) -> None:
        settings = _YAML.format(address=self.address, seed=self._seed, storage=self._storage, native=self.port)
        if tls := self._tls:
            settings += _TLS.format(keystore=tls.keystore, truststore=tls.truststore, secret=SECRET)
        (folder / "cassandra.yaml").write_text(settings)
        (folder / "logback.xml").write_text(_LOGBACK)

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        assert self._folder is not None
        deadline = time.monotonic() + _READY_S_MAX
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.execute("SELECT release_version FROM system.local")
            except NoHostAvailable:  # not listening, or has not made its superuser yet
                time.sleep(0.2)
            else:
                return
        last = "\n".join((self._folder / "node.out").read_text(errors="replace").splitlines()[-20:])
        raise ServiceFailed(f"Cassandra at {self.address}:{self.port} did not answer in {_READY_S_MAX} s; its last lines:\n{last}")


def _java(libs: Path, folder: Path, heap_mb: int, joins: bool) -> list[str]:
    """As Cassandra's own start script would for Java 17."""
    [agent] = libs.glob("jamm-*.jar")
    return [
        "java",
        f"-Xmx{heap_mb}m",
        "-XX:+ExitOnOutOfMemoryError",
        f"-javaagent:{agent}",
        "-Djdk.attach.allowAttachSelf=true",
        "-Djava.security.manager=allow",
        f"-Dlogback.configurationFile={folder / 'logback.xml'}",
        f"-Dcassandra.config=file://{folder / 'cassandra.yaml'}",
        f"-Dcassandra.storagedir={folder / 'data'}",
        "-Dcassandra-foreground=yes",
        f"-Dcassandra.ring_delay_ms={4000 if joins else 100}",
        f"-Dcassandra.consistent.rangemovement={str(not joins).lower()}",
        "-Dcassandra.superuser_setup_delay_ms=0",
        "-Dcassandra.skip_wait_for_gossip_to_settle=0",
        "-Dcassandra.auth_bcrypt_gensalt_log2_rounds=4",
        *(f"--add-exports={each}=ALL-UNNAMED" for each in _EXPORTS.split()),
        *(f"--add-opens={each}=ALL-UNNAMED" for each in _OPENS.split()),
        "-cp",
        f"{libs}/*",
    ]
