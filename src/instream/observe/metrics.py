"""Every metric, in one table that makes the documentation. Updated once a batch; labels from closed sets.

The processes of a pipeline share their figures through files (prometheus_client's multiprocess mode), so
one port shows them all. `PROMETHEUS_MULTIPROC_DIR` must be set before this module is imported for that.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

RECORDS_IN = Counter("instream_records_in_total", "Records read from the source.", ["pipeline"])
RECORDS_OUT = Counter("instream_records_out_total", "Outputs written.", ["pipeline"])
RECORDS_FILTERED = Counter("instream_records_filtered_total", "Records that the feature step left out.", ["pipeline"])
FAILURES = Counter("instream_failures_total", "Records that became dead letters.", ["pipeline", "code"])
STAGE_SECONDS = Histogram("instream_stage_seconds", "Time of one batch in one stage.", ["pipeline", "stage"], buckets=_SECONDS)
LATENCY_SECONDS = Histogram(
    "instream_latency_seconds", "From poll to durable, the oldest record of a batch.", ["pipeline"], buckets=_SECONDS
)
LAG_RECORDS = Gauge("instream_lag_records", "Records between position and end.", ["pipeline"], multiprocess_mode="livesum")
INFLIGHT_BATCHES = Gauge("instream_inflight_batches", "Batches being scored.", ["pipeline"], multiprocess_mode="livesum")
HELD = Gauge("instream_held", "1 while the source is held back.", ["pipeline"], multiprocess_mode="livesum")
MODEL_HEAD = Gauge("instream_model_head", "Head revision in use, the least of all workers.", ["model"], multiprocess_mode="livemin")
MODEL_VERSION = Gauge(
    "instream_model_version", "Champion version in use, the least of all workers.", ["model"], multiprocess_mode="livemin"
)
MODEL_BYTES = Gauge("instream_model_bytes", "Memory held by loaded models.", ["model"], multiprocess_mode="livesum")
SWAPS = Counter("instream_swaps_total", "Heads adopted.", ["model"])
REFUSALS = Counter("instream_refusals_total", "Heads refused, by reason.", ["model", "reason"])
LOAD_SECONDS = Histogram(
    "instream_load_seconds", "Fetch, check, load, warm and prove a version.", ["model"], buckets=(*_SECONDS, 30.0, 60.0)
)
PARAMETERS_AGE = Gauge(
    "instream_parameters_age_seconds",
    "For how long parameters in memory may be older than the store's, the most.",
    ["model"],
    multiprocess_mode="livemax",
)
PARAMETERS_KEYS = Gauge("instream_parameters_keys", "Keys with parameters in memory.", ["model"], multiprocess_mode="livesum")
PARAMETERS_REFUSED = Counter("instream_parameters_refused_total", "Revisions of keys that cannot be used.", ["model"])
COMMITS = Counter("instream_commits_total", "Commits of source positions.", ["pipeline"])
RESTARTS = Counter("instream_worker_restarts_total", "Workers started again after a crash.", ["pipeline"])

SERVER_REQUESTS = Counter("instream_server_requests_total", "Requests answered, by protocol and status.", ["protocol", "status"])
SERVER_REFUSED = Counter("instream_server_refused_total", "Requests that were not scored, by reason.", ["reason"])
SERVER_SECONDS = Histogram(
    "instream_server_seconds", "From a request's rows to their prediction, the oldest of a batch.", ["model"], buckets=_SECONDS
)
SERVER_BATCH_ROWS = Histogram(
    "instream_server_batch_rows", "Rows scored together.", ["model"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 512, 2_048, 8_192, 100_000)
)
SERVER_WAITING_ROWS = Gauge(
    "instream_server_waiting_rows", "Rows that wait for a model: the figure to scale on.", multiprocess_mode="livesum"
)
SERVER_WAIT_SECONDS = Gauge(
    "instream_server_wait_seconds", "Work that waits, in seconds, the most of all processes.", multiprocess_mode="livemax"
)
SERVER_HELD_BYTES = Gauge("instream_server_held_bytes", "Bytes of requests that are held.", multiprocess_mode="livesum")
