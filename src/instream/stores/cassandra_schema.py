"""Keyspace and tables in Cassandra, made where they are absent and `create` says so."""

from __future__ import annotations

import uuid
from contextlib import suppress

from cassandra import AlreadyExists, Unauthorized
from cassandra.cluster import Cluster, Session

from instream.errors import StoreError
from instream.stores.backend import absent
from instream.stores.cassandra_link import AGREEMENT_S, agreed
from instream.stores.cassandra_settings import Settings

SCHEMA = 1
LOG_S = 3_600
"""So long the log of parameters is kept."""

_ROW = "place text, key text, value blob, PRIMARY KEY ((place), key) WITH CLUSTERING ORDER BY (key ASC)"
_TABLES = {
    "row": _ROW,
    # deletions may be forgotten ten minutes later, if nothing in memory holds them any more and files are merged
    "report": f"{_ROW} AND gc_grace_seconds = 600 AND memtable_flush_period_in_ms = 600000 AND compaction = {{"
    "'class': 'SizeTieredCompactionStrategy', 'min_threshold': 2, 'tombstone_compaction_interval': 600, "
    "'unchecked_tombstone_compaction': 'true'}",
}
_PARAMETERS = {  # came later: a keyspace that is there may not have them yet
    # levels: a key that is written again and again is in few files
    "parameter": "place text, key text, revision bigint, writer text, payload blob, PRIMARY KEY ((place, key), revision, writer) "
    "WITH CLUSTERING ORDER BY (revision DESC, writer DESC) AND compaction = {'class': 'LeveledCompactionStrategy'}",
    "parameter_key": "place text, shard int, key text, PRIMARY KEY ((place, shard), key) WITH CLUSTERING ORDER BY (key ASC)",
    # a file for every ten minutes, removed whole
    "parameter_log": "place text, bucket bigint, at bigint, writing uuid, done boolean, keys frozen<list<text>>, "
    "PRIMARY KEY ((place, bucket), at, writing, done) WITH CLUSTERING ORDER BY (at ASC, writing ASC, done ASC) "
    f"AND default_time_to_live = {LOG_S} AND gc_grace_seconds = {LOG_S} AND compaction = {{"
    "'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'MINUTES', 'compaction_window_size': 10}",
}
TABLES, PARAMETERS = tuple(_TABLES), tuple(_PARAMETERS)


def created(session: Session, settings: Settings) -> None:
    """Make what is absent, so that who has only SELECT and MODIFY may open a store that is there."""
    there = tables(session, settings.keyspace)
    if not set(TABLES) <= there:
        if not settings.create:
            raise absent(settings.shown())
        if not _has_keyspace(session, settings.keyspace):
            _refuse_too_few_nodes(session.cluster, settings)
            _define(session, f'CREATE KEYSPACE IF NOT EXISTS "{settings.keyspace}" WITH replication = {_replication(settings.replication)}')
        for table, definition in _TABLES.items():
            _define(session, _statement(settings.keyspace, table, definition))
    if settings.create and not set(_PARAMETERS) <= there:
        with suppress(Unauthorized):  # a store of models without keys needs them not; who has such is told what to do
            for table, definition in _PARAMETERS.items():
                _define(session, _statement(settings.keyspace, table, definition))


def tables(session: Session, keyspace: str) -> set[str]:
    found = session.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,))
    return {name for (name,) in found}


def _define(session: Session, statement: str) -> None:
    """Returns when all nodes that are up agree about it. Twenty may come with the same at once."""
    try:
        agreed(lambda: session.execute(statement, timeout=AGREEMENT_S))
    except AlreadyExists:
        session.cluster.control_connection.wait_for_schema_agreement()


def _statement(keyspace: str, table: str, definition: str) -> str:
    """With an id of our own: two nodes that are asked at once would each make another table of the same name."""
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"instream/{SCHEMA}/{keyspace}/{table}")
    columns, _, options = definition.partition(" WITH ")
    return f'CREATE TABLE IF NOT EXISTS "{keyspace}".{table} ({columns}) WITH ID = {identity} AND {options}'


def _has_keyspace(session: Session, keyspace: str) -> bool:
    return bool(list(session.execute("SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = %s", (keyspace,))))


def _refuse_too_few_nodes(cluster: Cluster, settings: Settings) -> None:
    """Cassandra would make the keyspace, and then refuse every write to it."""
    nodes = len(cluster.metadata.all_hosts())
    wanted = max(int(part.rpartition(":")[2]) for part in settings.replication.split(","))
    if nodes < wanted:
        raise StoreError(
            f"{settings.shown()}: there is no keyspace {settings.keyspace}, and a new one would keep {wanted} copies of each row, "
            f"but the cluster has {nodes} node(s); say ?replication={nodes}, or add nodes first"
        )


def _replication(text: str) -> str:
    """As CQL says it.

    >>> _replication("dc1:3,dc2:2")
    "{'class': 'NetworkTopologyStrategy', 'dc1': 3, 'dc2': 2}"
    """
    parts = [part.rpartition(":") for part in text.split(",")]
    copies = ", ".join(f"'{name or 'replication_factor'}': {count}" for name, _, count in parts)
    return f"{{'class': 'NetworkTopologyStrategy', {copies}}}"
