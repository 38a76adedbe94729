"""The tables of a store in PostgreSQL: made, and brought up to date, where `create` says so."""

from __future__ import annotations

from instream.errors import StoreError
from instream.stores.backend import absent
from instream.stores.postgresql_link import Link, Refused, Settings

SCHEMA = 3
TABLES = ("row", "report")
_BEFORE = ("1", "2")  # the first had no parameters, both had reports among the rows
_LOCK = 0x696E7374  # "inst": held while the tables are made


def prepare(link: Link, settings: Settings) -> None:
    """Make the tables when there are none; refuse those of another instream."""
    if (encoding := link.said("server_encoding")) != "UTF8":
        raise StoreError(f"{settings.where}: the database keeps text as {encoding}; make one with ENCODING 'UTF8' TEMPLATE template0")
    # what `put` has promised survives a power cut, whatever this database's default is
    link.ask("SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
    if not _exists(link, settings):
        if not settings.create:
            raise absent(settings.where)
        _create(link, settings)
    if (version := _version(link, settings)) in _BEFORE:
        if not settings.create:
            raise StoreError(f"{_old(settings, version)}; let the owner of its tables run `instream store init`, which adds what is new")
        _upgrade(link, settings, version)
    elif version != str(SCHEMA):
        raise StoreError(f"{settings.where}: a model store with schema version {version}, this instream knows {SCHEMA}; upgrade instream")


def _version(link: Link, settings: Settings) -> str:
    found = link.ask(f'SELECT version::text FROM "{settings.schema_name}".schema_version').rows
    return ", ".join(each.decode() for (each,) in found) or "none"


def _exists(link: Link, settings: Settings) -> bool:
    """Without rights on the schema: says what is there, not what may be done."""
    statement = "SELECT 1::text FROM pg_class WHERE relname = 'schema_version' AND relnamespace = to_regnamespace($1)"
    return bool(link.ask(statement, settings.schema_name).rows)


def _create(link: Link, settings: Settings) -> None:
    """In one transaction and one process at a time; where it fails, the connection is closed and nothing is left."""
    schema = settings.schema_name
    link.ask("BEGIN")
    link.ask("SELECT pg_advisory_xact_lock($1)::text", _LOCK)
    if not _exists(link, settings):
        if link.ask("SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace($1) LIMIT 1", schema).rows:
            raise StoreError(f"{settings.where}: there are tables of something else; name another schema in the URL, ?schema=models")
        if not link.ask("SELECT to_regnamespace($1)::text WHERE to_regnamespace($1) IS NOT NULL", schema).rows:
            link.ask(f'CREATE SCHEMA "{schema}"')  # IF NOT EXISTS would ask for the right to create even where it exists
        for table in TABLES:
            _create_rows(link, schema, table)
        _create_parameters(link, schema)
        link.ask(f'CREATE TABLE "{schema}".schema_version (version integer PRIMARY KEY)')
        link.ask(f'INSERT INTO "{schema}".schema_version VALUES ($1)', SCHEMA)
    link.ask("COMMIT")


def _upgrade(link: Link, settings: Settings, version: str) -> None:
    """As `_create`; adds what later versions have. Reports that are there go: they come anew within seconds."""
    schema = settings.schema_name
    try:
        link.ask("BEGIN")
        link.ask("SELECT pg_advisory_xact_lock($1)::text", _LOCK)
        if (version := _version(link, settings)) in _BEFORE:
            if version == "1":
                _create_parameters(link, schema)
            _create_rows(link, schema, "report")
            link.ask(f"""DELETE FROM "{schema}"."row" WHERE place LIKE 'reports/%'""")
            link.ask(f'UPDATE "{schema}".schema_version SET version = $1', SCHEMA)
        link.ask("COMMIT")
    except Refused as refused:
        if refused.state != "42501":
            raise
        raise StoreError(
            f"{_old(settings, version)} ({refused}); let the owner of its tables run `instream store init`, which adds what is new"
        ) from refused


def _old(settings: Settings, version: str) -> str:
    return f"{settings.where}: a model store with schema version {version}, this instream needs {SCHEMA}"


def _create_rows(link: Link, schema: str, table: str) -> None:
    columns = 'place text COLLATE "C", key text COLLATE "C", value bytea NOT NULL, PRIMARY KEY (place, key)'
    link.ask(f'CREATE TABLE "{schema}"."{table}" ({columns})')


def _create_parameters(link: Link, schema: str) -> None:
    link.ask(
        f'CREATE TABLE "{schema}".parameter (place text COLLATE "C", key text COLLATE "C", revision bigint, writer text COLLATE "C", '
        "payload bytea NOT NULL, xid xid8 NOT NULL DEFAULT pg_current_xact_id(), PRIMARY KEY (place, key, revision, writer))"
    )
    link.ask(f'CREATE INDEX parameter_log ON "{schema}".parameter (place, xid)')
