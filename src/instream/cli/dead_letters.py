"""`instream dead-letters show|replay`: records that could not be scored, and a second chance for them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from instream.cli import tables
from instream.cli.options import JsonOption
from instream.errors import SettingsInvalid
from instream.pipeline.letter import Letter, envelope
from instream.replay import dead_letters, replay
from instream.secrets import resolve

Url = Annotated[str, typer.Argument(metavar="URL", help="dead_letter.url of the pipeline file: kafka://h1:9092/topic or a .jsonl file.")]
Options = Annotated[
    list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="For librdkafka, as in the file: sasl.password='${env:PW}'; many.")
]

_TEXT = 60


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True)
    group.command("show")(show)
    group.command("replay")(replay_letters)
    app.add_typer(group, name="dead-letters", help="Records that could not be scored: look at them, and offer them again.")


def show(
    url: Url,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Show so many at most, from the oldest.")] = 20,
    option: Options = None,
    json: JsonOption = False,
) -> None:
    """Show dead letters: where each came from, why it could not be scored, and its value. Nothing is committed."""
    letters = list(dead_letters(url, _options(option), limit))
    if json:
        for letter in letters:
            typer.echo(envelope(letter))
        return
    tables.show(("SOURCE", "CODE", "VERSION", "ERROR", "VALUE"), [_row(letter) for letter in letters])
    counts = Counter(letter.code for letter in letters)
    typer.echo(f"{len(letters):,} shown: " + (", ".join(f"{count:,} {code}" for code, count in counts.most_common()) or "there are none"))


def replay_letters(
    url: Url,
    to: Annotated[str | None, typer.Option(metavar="URL", help="Where the records go. \\[default: the Kafka topic each came from]")] = None,
    option: Options = None,
) -> None:
    """Put the original records back, with their keys, headers and timestamps, so that the pipeline tries them again.

    With Kafka each letter is replayed once: the group instream-replay-TOPIC remembers how far the last replay came.
    """
    done = replay(url, to=to, options=_options(option))
    for target, count in done.records.items():
        typer.echo(f"{count:,} records put back to {target}")
    if not done.records:
        typer.echo("nothing to replay: there are no dead letters that were not replayed before")
    if done.tombstones:
        typer.echo(f"{done.tombstones:,} tombstones left: a record without a value cannot be scored")


def _row(letter: Letter) -> tuple[str, ...]:
    version = "" if letter.version is None else str(letter.version)
    return letter.source, letter.code, version, letter.error, _shown(letter.value)


def _shown(value: bytes | None) -> str:
    if value is None:
        return "(no value)"
    text = ascii(value)[2:-1] if not value.isascii() else value.decode("ascii")
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"


def _options(given: list[str] | None) -> dict[str, str | int | float | bool]:
    found: dict[str, str | int | float | bool] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not equals:
            raise SettingsInvalid(f"--option {text}: expected KEY=VALUE, such as security.protocol=SASL_SSL")
        found[key] = resolve(value, Path())
    return found
