"""The pipeline file: what people write, checked before anything runs. Unknown keys are errors."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, ValidationError

from instream.errors import SettingsInvalid

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


def _several(given: object) -> object:
    """One endpoint may be written without brackets."""
    return (given,) if isinstance(given, str) else given


class Part(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Model(Part):
    """Which model, from which store."""

    name: Annotated[str, Field(description="`delay` follows the head, `delay@3` stays with version 3.")]
    store: Annotated[str, Field(description="Where packages and heads are kept.")] = "sqlite:///instream.db"


class Strategy(Part):
    """How model and stream are brought together."""

    kind: Annotated[
        Literal["embedded", "remote", "database"],
        Field(description="The model runs inside the pipeline's own workers, in a server, or is a light one for each key in the store."),
    ] = "embedded"
    endpoint: Annotated[
        tuple[str, ...], BeforeValidator(_several), Field(description="remote: grpc://host:8081, grpcs, http or https; one or several.")
    ] = ()
    calls: Annotated[int, Field(ge=1, le=64, description="remote: batches on their way to servers at once, at most.")] = 4
    timeout_ms: Annotated[int, Field(ge=10, le=600_000, description="remote: longest wait for one answer.")] = 5_000
    ca: Annotated[str | None, Field(description="remote: a PEM file of who vouches for the servers; by default the system's.")] = None
    fallback: Annotated[
        Literal["hold", "embedded", "default", "stop"],
        Field(description="remote: when no server answers for fallback_s: wait, score here, give `default`, or stop."),
    ] = "hold"
    fallback_s: Annotated[float, Field(ge=0, le=86_400, description="remote: how long servers may be away before the fallback.")] = 10.0
    default: Annotated[
        Mapping[str, str | int | float | bool | list[int | float | str]],
        Field(description="remote: each output's value for the fallback `default`, stamped as version 0."),
    ] = {}
    poll_ms: Annotated[int, Field(ge=10, le=60_000, description="How often the store is asked for changes.")] = 500
    load_s: Annotated[
        float, Field(gt=0, le=3_600, description="Longest time to fetch, load and prove a version; past it, it is refused.")
    ] = 120.0
    golden_s: Annotated[
        float, Field(gt=0, le=600, description="Longest time to score the golden rows (256 at most) once; a slower version is refused.")
    ] = 5.0


class Features(Part):
    """A step between decoding and the model."""

    function: Annotated[
        str | None,
        Field(description="`file.py:function` or `module:function`; `package` uses, and so trusts, the one published with each version."),
    ] = None


class Output(Part):
    """What an output record has besides the model's outputs."""

    echo: Annotated[tuple[str, ...], Field(description="Fields copied from the record, as they are; a name or a JSON pointer.")] = ()
    stamps: Annotated[
        tuple[Literal["version", "parameters", "level", "age_ms"], ...],
        Field(description="Where an answer came from; all but version are about keyed models: revision, whose they are, how old at most."),
    ] = ("version",)
    source_id: Annotated[
        bool, Field(description="Write the header `instream-source`; readers of at-least-once outputs deduplicate by it.")
    ] = False


class FieldAt(Part):
    """Where a field is, and its type where the model does not say."""

    at: Annotated[str, Field(description="A JSON pointer such as /payload/after/dep_delay, or a name.")]
    type: Annotated[str | None, Field(description="float64, string, int64, bool, float32[8], …; by default the model's.")] = None
    nullable: Annotated[bool | None, Field(description="May it be null or absent; by default as the model says.")] = None


class Source(Part):
    """Where records come from."""

    url: Annotated[
        str,
        Field(description="kafka://h1:9092,h2:9092/topic, a path (.jsonl, .jsonl.gz, .parquet), or - for standard input."),
    ] = ""
    start: Annotated[str, Field(description="earliest, latest or a time (2013-07-01T00:00:00Z): for a group without positions only.")] = (
        "latest"
    )
    fields: Annotated[Mapping[str, str | FieldAt], Field(description="Fields by name, where a record is not flat or names differ.")] = {}
    options: Annotated[Mapping[str, str | int | float | bool], Field(description="Passed to librdkafka as they are.")] = {}


class Sink(Part):
    """Where outputs go."""

    url: Annotated[str, Field(description="kafka://h1:9092/topic, a path (.jsonl, .jsonl.gz, .parquet), or - for standard output.")]
    options: Annotated[Mapping[str, str | int | float | bool], Field(description="Passed to librdkafka as they are.")] = {}
    partitioner: Annotated[
        Literal["murmur2_random", "source"], Field(description="Keys as Java places them, so that joins hold; or the source's partition.")
    ] = "murmur2_random"


class DeadLetter(Part):
    """Where records go that cannot be scored."""

    url: Annotated[str | None, Field(description="As a sink's. Without one, a bad record stops the pipeline.")] = None
    options: Annotated[Mapping[str, str | int | float | bool], Field(description="Passed to librdkafka as they are.")] = {}
    max_fraction: Annotated[
        float, Field(ge=0, le=1, description="Past this share of a worker's last 10,000 records (judged after 1,000) the pipeline stops.")
    ] = 0.2


class Delivery(Part):
    """When a record counts as done."""

    mode: Annotated[Literal["at_least_once", "exactly_once"], Field(description="exactly_once needs one Kafka cluster at both ends.")] = (
        "at_least_once"
    )
    interval_ms: Annotated[int, Field(ge=1, le=60_000, description="How often positions are committed.")] = 100


class Limits(Part):
    """What a worker may hold at once."""

    rows: Annotated[int, Field(ge=1, le=1_000_000, description="Records in a batch, at most.")] = 10_000
    bytes: Annotated[ByteSize, Field(ge=1 << 20, description="Bytes on their way through a worker, from fetch to delivery.")] = ByteSize(
        64 << 20
    )
    record_bytes: Annotated[ByteSize, Field(ge=1, description="A larger record is a dead letter.")] = ByteSize(1 << 20)
    memory: Annotated[ByteSize, Field(ge=1 << 20, description="For the models of a worker, with a swap under way.")] = ByteSize(1 << 30)
    cache: Annotated[ByteSize, Field(ge=1 << 20, description="database: for parameters of keys in a worker.")] = ByteSize(256 << 20)
    max_age_s: Annotated[
        float | None,
        Field(ge=2, le=86_400, description="database: how old parameters may be while the store is away; by default any age."),
    ] = None
    past_max_age: Annotated[
        Literal["go_on", "hold"], Field(description="database: past max_age_s, score and say so, or wait for the store.")
    ] = "go_on"
    hold_ms: Annotated[int, Field(ge=10, le=60_000, description="Longest wait before partitions are paused.")] = 1_000


class Engine(Part):
    """What runs the loop."""

    kind: Annotated[
        Literal["workers", "flink", "spark"],
        Field(description="Instream's own workers, or an engine; `instream run --engine` says it too."),
    ] = "workers"
    workers: Annotated[
        int, Field(ge=1, le=256, description="Processes, those beyond the partitions idle; flink, spark: tasks side by side.")
    ] = 1
    threads: Annotated[int, Field(ge=1, le=64, description="Batches scored at once in a worker; for heavy models.")] = 1
    grace_s: Annotated[float, Field(gt=0, le=3_600, description="How long SIGTERM may take to finish what is in flight.")] = 30.0
    metrics: Annotated[str | None, Field(description="host:port for Prometheus, /health and /ready; port 0 takes a free one.")] = None
    scoring: Annotated[
        int | None,
        Field(ge=1, le=1_024, description="flink, spark: tasks that score, where that is not `workers`; a partition's order is then lost."),
    ] = None
    checkpoints: Annotated[
        str, Field(description="flink, spark: a folder, or a URL that the engine knows, for positions and state. A run goes on from it.")
    ] = "checkpoints"
    checkpoint_ms: Annotated[
        int, Field(ge=100, le=3_600_000, description="flink: how often; with exactly_once, outputs are visible from then on.")
    ] = 10_000
    batch_records: Annotated[int, Field(ge=1, le=100_000_000, description="spark: records of a micro-batch, at most.")] = 400_000
    restarts: Annotated[
        int, Field(ge=0, le=1_000_000, description="flink, spark: how often what failed is tried again; flink: within ten minutes.")
    ] = 10
    restart_ms: Annotated[int, Field(ge=0, le=3_600_000, description="flink: the pause before that.")] = 1_000
    jars: Annotated[
        str | None, Field(description="flink, spark: a folder with the Kafka connector; by default what `instream engine setup` fetched.")
    ] = None
    options: Annotated[Mapping[str, str | int | float | bool], Field(description="flink, spark: passed to the engine as they are.")] = {}


class Pipeline(Part):
    """The whole file."""

    name: Annotated[str, Field(pattern=NAME, description="Group id, transactional id, metrics and reports hang on it.")]
    model: Model
    strategy: Strategy = Strategy()
    features: Features = Features()
    output: Output = Output()
    source: Source | None = None
    sink: Sink | None = None
    dead_letter: DeadLetter = DeadLetter()
    delivery: Delivery = Delivery()
    limits: Limits = Limits()
    engine: Engine = Engine()
    folder: Annotated[Path, Field(description="Where relative paths start; the file's own folder. Not written in the file.")] = Path()


def load(path: Path, overrides: Iterable[str] = ()) -> Pipeline:
    """Read a pipeline file.

    Args:
        path: a TOML file.
        overrides: `section.key=value` each; the value is TOML, or text where that fails.
    Raises:
        SettingsInvalid: names file, line, key, what was found and what was expected.
    """
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise SettingsInvalid(f"{path}: {error.strerror}; `instream init` writes a pipeline file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path}: not TOML: {error}") from error
    for override in overrides:
        _override(table, override)
    try:
        return Pipeline.model_validate({"folder": path.resolve().parent, **table})
    except ValidationError as error:
        raise SettingsInvalid("\n".join(_explain(path, text, dict(fault)) for fault in error.errors())) from error


def _override(table: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    *sections, last = key.split(".")
    if not equals or not last:
        raise SettingsInvalid(f"--set {override}: expected section.key=value, such as limits.rows=1000")
    for section in sections:
        table = table.setdefault(section, {})
    try:
        table[last] = tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        table[last] = value


def _explain(path: Path, text: str, fault: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return f"{path}: {where} is missing"
    line = _line_of(text, [str(part) for part in fault["loc"]])
    if fault["type"] == "extra_forbidden":
        return f"{path}{line}: {where} is not a setting; `instream init` shows all of them"
    return f"{path}{line}: {where} = {fault['input']!r}: {fault['msg'][0].lower()}{fault['msg'][1:]}"


def _line_of(text: str, keys: list[str]) -> str:
    """` line N` where a key stands, or nothing: tomllib keeps no positions."""
    section = ".".join(keys[:-1])
    inside = section == ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[([^\[\]]+)\]", line)
        if header:
            inside = header[1].strip() == section
        elif inside and re.match(rf"""\s*["']?{re.escape(keys[-1])}["']?\s*=""", line):
            return f" line {number}"
    return ""
