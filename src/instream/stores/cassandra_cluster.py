"""The connection of one process to a Cassandra cluster."""

from __future__ import annotations

import logging

from cassandra import ConsistencyLevel, ProtocolVersion
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    FallthroughRetryPolicy,
    RoundRobinPolicy,
    TokenAwarePolicy,
)
from cassandra.query import tuple_factory

from instream.errors import StoreError
from instream.stores.cassandra_failures import translated
from instream.stores.cassandra_link import AGREEMENT_S, Link
from instream.stores.cassandra_schema import created
from instream.stores.cassandra_settings import Settings

_RECONNECT_S = 0.5

logging.getLogger("cassandra").addHandler(logging.NullHandler())  # else its tracebacks go to stderr where logging is not set up


def connected(settings: Settings) -> Link:
    """Connect; keyspace and tables are made when they are absent."""
    with translated(settings.shown(), StoreError):
        cluster = _cluster(settings)
        try:
            session = _asked_as_we_do(cluster, settings)
            created(session, settings)
        except BaseException:
            cluster.shutdown()
            raise
    return Link(session, settings.shown(), settings.request_ms / 1000)


def _cluster(settings: Settings) -> Cluster:
    balancing = DCAwareRoundRobinPolicy(settings.datacenter) if settings.datacenter else RoundRobinPolicy()
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(balancing),
        retry_policy=FallthroughRetryPolicy(),  # the driver would offer a write to the next node without knowing what became of it
        consistency_level=getattr(ConsistencyLevel, settings.consistency),
        serial_consistency_level=getattr(ConsistencyLevel, settings.serial),
        request_timeout=settings.request_ms / 1000,
        row_factory=tuple_factory,
    )
    password = settings.password.get_secret_value()
    return Cluster(
        list(settings.hosts),
        port=settings.port,
        auth_provider=PlainTextAuthProvider(settings.user, password) if settings.user else None,
        ssl_context=settings.ssl_context(),  # checks that a certificate names the address that is connected to
        protocol_version=ProtocolVersion.V4,  # Cassandra 3 to 5 speak it: nothing to find out at each opening
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ConstantReconnectionPolicy(_RECONNECT_S, None),
        connect_timeout=settings.request_ms / 1000,
        control_connection_timeout=settings.request_ms / 1000,
        max_schema_agreement_wait=AGREEMENT_S,
    )


def _asked_as_we_do(cluster: Cluster, settings: Settings) -> Session:
    session = _session(cluster, settings)
    session.use_client_timestamp = False  # writers are ordered by the store's clock, never by their own
    datacenters = sorted({host.datacenter for host in cluster.metadata.all_hosts() if host.datacenter})
    local = settings.serial == "LOCAL_SERIAL"
    if local and not settings.datacenter and len(datacenters) > 1:  # writers in two of them would not exclude each other
        raise StoreError(
            f"{settings.shown()}: the cluster has the datacenters {', '.join(datacenters)}; name the one where every writer is by "
            f"?datacenter={datacenters[0]}, or let all take part by ?serial=SERIAL&consistency=QUORUM"
        )
    return session


def _session(cluster: Cluster, settings: Settings) -> Session:
    try:
        return cluster.connect()
    except NoHostAvailable as error:
        if not settings.datacenter or isinstance(error.errors, dict):  # by host: what each of them said
            raise
        raise StoreError(f"{settings.shown()}: no node is in the datacenter {settings.datacenter}; see `nodetool status`") from error
