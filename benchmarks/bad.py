"""One record in a hundred is bad: what does each kind of badness cost the stream?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

from rich.table import Table

from benchmarks import report, workload
from benchmarks.contestants.ours import command
from benchmarks.contestants.protocol import Contestant
from benchmarks.drain import Drained, drain
from benchmarks.goals import Spread, spread
from benchmarks.stage import CONSOLE, Stage, progress, stage
from benchmarks.topics import output_topic

GOAL = 0.7
_EVERY = 100

KINDS: Mapping[str, Callable[[bytes], bytes | None]] = {
    "tombstone": lambda value: None,
    "null": lambda value: value.replace(b'"x3":', b'"x3":null,"was":'),
    "missing field": lambda value: value.replace(b'"x3"', b'"y3"'),
    "wrong type": lambda value: value.replace(b'"x3":', b'"x3":"n/a","was":'),
    "NaN": lambda value: value.replace(b'"x3":', b'"x3":NaN,"was":'),
    "Infinity": lambda value: value.replace(b'"x3":', b'"x3":1e999,"was":'),
    "huge integer": lambda value: value.replace(b'"x3":', b'"x3":' + b"9" * 400 + b',"was":'),
    "invalid UTF-8": lambda value: value.replace(b'"x3"', b'"\xff\xfe"'),
    "truncated": lambda value: value[: len(value) // 2],
    "two objects": lambda value: value + value,
    "over the size limit": lambda value: value[:-1] + b',"more":"' + b"x" * 5_000 + b'"}',
}
_LIMITS = 'record_bytes = "4 KiB"'


def bad(rounds: int, records: int) -> None:
    """Drain a clean topic and one a kind, in interleaved rounds; print the ratios, write the JSON file."""
    with stage() as on:
        topics = {"clean": on.fill("clean", records, workload.records(records))}
        for number, (kind, spoil) in enumerate(KINDS.items()):
            topics[kind] = on.fill(f"bad-{number}", records, spoiled(records, spoil))
        runs: dict[str, list[Drained]] = {kind: [] for kind in topics}
        for number in range(rounds):
            for kind, topic in topics.items():
                runs[kind].append(_run(on, kind, topic, records, f"round {number + 1}/{rounds}"))
    _show({kind: _ratios(of_kind, runs["clean"]) for kind, of_kind in runs.items() if kind != "clean"})
    report.write("bad", {"runs": {kind: [asdict(each) for each in of_kind] for kind, of_kind in runs.items()}})


def _ratios(of_kind: Sequence[Drained], clean: Sequence[Drained]) -> tuple[Spread, Spread]:
    """Of rates, and of CPU a record, against the clean topic of the same round."""
    pairs = list(zip(of_kind, clean, strict=True))
    return spread([one.rate / other.rate for one, other in pairs]), spread([one.cpu_us / other.cpu_us for one, other in pairs])


def spoiled(count: int, spoil: Callable[[bytes], bytes | None]) -> Iterator[tuple[bytes, bytes | None]]:
    """The workload, with one record in a hundred spoiled."""
    for number, (key, value) in enumerate(workload.records(count)):
        yield key, spoil(value) if number % _EVERY == _EVERY // 2 else value


def _run(on: Stage, kind: str, topic: str, records: int, where: str) -> Drained:
    """One drain; its records are those of the source, bad ones included."""
    share = 1 if kind == "clean" else 1 - 1 / _EVERY
    job = on.job("bad", topic)
    with output_topic(job.bootstrap, f"{job.sink}-dead") as dead, progress(f"{where}  {kind}", records) as more:
        url = f'url = "kafka://{job.bootstrap}/{dead}"'
        ours = Contestant(kind, kind, lambda job: command({"dead_letter": url, "limits": _LIMITS}, job))
        drained = drain(ours, job, int(records * share), 60, more)
    drained = replace(drained, records=round(drained.records / share))
    CONSOLE.print(f"{where}  {kind:<20} {drained.rate:>10,.0f} records/s  {drained.cpu_us:6.2f} µs CPU a record")
    return drained


def _show(found: Mapping[str, tuple[Spread, Spread]]) -> None:
    table = Table(title="One bad record in a hundred, against a clean topic of the same round", title_justify="left")
    for column in ("", "rate", "goal", "", "CPU a record"):
        table.add_column(column, justify="left" if not column else "right")
    for kind, (rate, cpu) in found.items():
        verdict = "[green]met[/]" if rate.median >= GOAL else "[red]missed[/]"
        table.add_row(kind, report.text(rate, ".2f"), f"≥ {GOAL:g}", verdict, report.text(cpu, ".2f"))
    CONSOLE.print(table)
