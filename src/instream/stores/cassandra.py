"""Apache Cassandra: many machines, none of them special. Lightweight transactions give what the rules ask for."""

from __future__ import annotations

from pathlib import Path

from instream.errors import StoreError
from instream.stores.backend import claim
from instream.stores.cassandra_cluster import connected
from instream.stores.cassandra_link import Link
from instream.stores.cassandra_parameters import CassandraParameters
from instream.stores.cassandra_schema import SCHEMA, TABLES
from instream.stores.cassandra_settings import Settings, settings_of


class CassandraBackend:
    """A place is a partition: its rows are in the order of keys, and its writers are ordered by Paxos.

    Every write is a lightweight transaction, and every read is at a serial consistency, which completes a write that is
    under way: so what one process has seen is seen by all. Plain and lightweight writes must never be mixed, since they
    are ordered by different clocks.

    The rows of `reports/` come and go every few seconds. Each deletion leaves a tombstone, which reads must pass, and
    Cassandra refuses to read past 100,000; for ten days it keeps them, by default, so that a node that was away learns of
    them. A report that comes back does no harm, as it says how old it is: they have a table that forgets within minutes.
    """

    poll_s = 0.2  # a reader asks for some small partitions; there is no cheap way to hear of a write

    def __init__(self, settings: Settings) -> None:
        self._where = settings.shown()
        self._link = connected(settings)
        try:
            self._statements = {table: _Statements(self._link, settings, table) for table in TABLES}
            self._check_schema()
        except BaseException:
            self._link.close()
            raise
        self.parameters = CassandraParameters(self._link, settings)

    def insert(self, place: str, key: str, value: bytes) -> bool:
        return bool(self._link.once(self._of(place).insert, place, key, value)[0][0])

    def read(self, place: str, key: str) -> bytes | None:
        found = self._link.read(self._of(place).read, place, key)
        return found[0][0] if found else None

    def rows(self, place: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        return [(key, value) for key, value in self._link.read(self._of(place).rows, place, after, limit)]

    def newest(self, place: str, limit: int) -> list[tuple[str, bytes]]:
        return [(key, value) for key, value in self._link.read(self._of(place).newest, place, limit)]

    def delete(self, place: str, key: str) -> None:
        self._link.once(self._of(place).delete, place, key)

    def clear(self, place: str) -> None:
        """Key by key: a plain deletion of the partition would be ordered by another clock than the writes are."""
        for (key,) in self._link.read(self._of(place).keys, place):
            self.delete(place, key)

    def mark(self) -> object:
        return object()

    def close(self) -> None:
        self._link.close()

    def _of(self, place: str) -> _Statements:
        return self._statements["report" if place.startswith("reports/") else "row"]

    def _check_schema(self) -> None:
        ours = str(SCHEMA).encode()
        known = self.read("schema", "version") or claim(self, "schema", "version", ours)
        if known != ours:
            found = known[:20].decode(errors="replace")
            raise StoreError(f"{self._where}: a model store with schema {found}, this instream knows schema {SCHEMA}; upgrade instream")


class _Statements:
    """What is asked of one table, prepared: each names its partition, so that a node that keeps it is asked."""

    def __init__(self, link: Link, settings: Settings, table: str) -> None:
        name = f'"{settings.keyspace}".{table}'
        self.insert = link.prepared(f"INSERT INTO {name} (place, key, value) VALUES (?, ?, ?) IF NOT EXISTS", settings.consistency)
        self.delete = link.prepared(f"DELETE FROM {name} WHERE place = ? AND key = ? IF EXISTS", settings.consistency)
        self.read = link.prepared(f"SELECT value FROM {name} WHERE place = ? AND key = ?", settings.serial)
        rows = f"SELECT key, value FROM {name} WHERE place = ?"
        self.rows = link.prepared(f"{rows} AND key > ? ORDER BY key ASC LIMIT ?", settings.serial)
        self.newest = link.prepared(f"{rows} ORDER BY key DESC LIMIT ?", settings.serial)
        self.keys = link.prepared(f"SELECT key FROM {name} WHERE place = ?", settings.serial)


def backend_of(where: str, options: dict[str, str], folder: Path) -> CassandraBackend:
    """Connect; keyspace and tables are made when they are absent."""
    return CassandraBackend(settings_of(where, options, folder))
