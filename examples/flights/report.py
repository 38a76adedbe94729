"""One HTML file with everything that the demo measured; no script, no network, light and dark."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples.flights.account import Account, known, versions_of

INK = "#0a0b0c"
"""Stands for the reader's text colour; becomes `currentColor` in the SVG."""

COLOURS = {1: "#e08a1e", 2: "#2f8fd0"}

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>instream: a model swapped in mid-stream</title>
<style>
:root {{ color-scheme: light dark; --ink: #1d2329; --faint: #68727d; --paper: #fbfbf9; --line: #d9dcdf }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e4e7ea; --faint: #98a2ad; --paper: #14181c; --line: #323a42 }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }}
body {{ max-width: 60rem; margin: 2.5rem auto; padding: 0 1.2rem }}
h1 {{ font-size: 1.7rem; margin-bottom: .2rem }} h2 {{ font-size: 1.1rem; margin: 2.2rem 0 .4rem }}
p.lead {{ color: var(--faint); margin-top: 0 }} svg {{ width: 100%; height: auto; color: var(--ink) }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }}
th, td {{ text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line) }}
th:first-child, td:first-child {{ text-align: left }} th {{ color: var(--faint); font-weight: 500 }}
</style>
<h1>A model swapped in mid-stream</h1>
<p class="lead">{lead}</p>
{body}
</html>
"""


def write_report(path: Path, account: Account, full_speed: str, where: str, strategies: list[tuple[str, ...]], sentence: str) -> None:
    """Write the report to `path`."""
    lead = (
        f"{account.records_in:,} real flights of 2013, {html.escape(where)}. Version 1 is a logistic regression, version 2 a gradient "
        f"boosting, promoted {account.promoted_s:.1f} s after the start."
    )
    sections = [
        ("What became of the records", table(rows_of_fate(account))),
        ("How right each version was, on the records that it scored", table(rows_of_scores(account))),
        ("Rate and latency", figure(account, draw_rate, draw_latency)),
        ("Which version answered", figure(account, draw_versions)),
        ("Are the probabilities right?", figure(account, draw_calibration)),
        ("At full speed", f"<p>{html.escape(full_speed)}</p>"),
        (
            "The model in the pipeline, in a server, or one for each route",
            f"{table(strategies)}<p>{html.escape(sentence)}</p>",
        ),
    ]
    body = "\n".join(f"<h2>{title}</h2>\n{content}" for title, content in sections)
    path.write_text(PAGE.format(lead=lead, body=body), encoding="utf-8")


def rows_of_fate(account: Account) -> list[tuple[str, ...]]:
    return [
        ("in", "out", "dead-lettered", "filtered", "lost", "duplicated", "records/s", "latency p50", "latency p99", "backlog at once"),
        (
            *(f"{count:,}" for count in (account.records_in, account.records_out, account.dead, account.filtered)),
            *(f"{count:,}" for count in (account.lost, account.duplicated)),
            f"{account.rate:,.0f}",
            f"{account.latency_ms(50):.1f} ms",
            f"{account.latency_ms(99):.1f} ms",
            f"{account.backlog:,} in {account.backlog_s:.2f} s",
        ),
    ]


def rows_of_scores(account: Account) -> list[tuple[str, ...]]:
    """Each version on its records; the last column is the log loss that the other one has on the same records."""
    head = ("version", "records", "accuracy", "log loss", "the other's")
    figures = ((one.accuracy, one.log_loss, one.others_log_loss) for one in account.scores)
    rows = (
        (f"delay@{one.version}", f"{one.records:,}", *(f"{each:.4f}" for each in some))
        for one, some in zip(account.scores, figures, strict=True)
    )
    return [head, *rows]


def table(rows: list[tuple[str, ...]]) -> str:
    head, *body = rows
    cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in body)
    return f"<table><tr>{cells}</tr>{lines}</table>"


def figure(account: Account, *drawings: Callable[[Axes, Account], None]) -> str:
    """Drawings below each other, as SVG that takes the page's colours."""
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    style: dict[str, Any] = dict.fromkeys(inked, INK) | {"svg.fonttype": "none", "font.size": 10}
    with mpl.rc_context(style | {"axes.spines.top": False, "axes.spines.right": False}):
        drawn = Figure(figsize=(9, 2.6 * len(drawings) + 0.4), layout="constrained")
        for place, draw in enumerate(drawings, 1):
            draw(drawn.add_subplot(len(drawings), 1, place), account)
        out = io.StringIO()
        drawn.savefig(out, format="svg", transparent=True)
    return re.sub(r"^.*?(?=<svg)", "", out.getvalue(), flags=re.DOTALL).replace(INK, "currentColor")


def tenths(account: Account) -> pd.Series[float]:
    """For each output the tenth of a second in which it was readable."""
    return (account.outputs["read_s"] * 10).astype(int) / 10


def draw_rate(axes: Axes, account: Account) -> None:
    rate = tenths(account).value_counts().sort_index() * 10
    axes.plot(rate.index, rate, color="#3a9d6a", lw=1.2)
    axes.set(ylabel="outputs/s", ylim=(0, None))
    mark_promotion(axes, account)


def draw_latency(axes: Axes, account: Account) -> None:
    groups = account.outputs["latency_ms"].groupby(tenths(account))
    for percentile, colour in ((50, "#3a9d6a"), (99, "#c2504f")):
        line = groups.quantile(percentile / 100)
        axes.plot(line.index, line, color=colour, lw=1.2, label=f"p{percentile}")
    axes.set(ylabel="latency, ms", xlabel="seconds", yscale="log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.legend(frameon=False, loc="upper right")
    mark_promotion(axes, account)


def draw_versions(axes: Axes, account: Account) -> None:
    outputs, versions = account.outputs, versions_of(account.outputs)
    ends = np.arange(0, outputs["read_s"].max(), 0.2)
    counts = [np.histogram(outputs["read_s"][outputs["version"] == version], ends)[0] * 5 for version in versions]
    colours, labels = [COLOURS.get(version, "#888888") for version in versions], [f"delay@{version}" for version in versions]
    axes.stackplot(ends[:-1], *counts, labels=labels, colors=colours, alpha=0.85, step="post")
    axes.set(ylabel="outputs/s", xlabel="seconds")
    axes.legend(frameon=False, loc="lower left")
    mark_promotion(axes, account)


def draw_calibration(axes: Axes, account: Account) -> None:
    axes.plot([0, 1], [0, 1], color="#888888", lw=0.8, ls=":")
    for version in versions_of(account.outputs):
        truth, said = known(account.outputs[account.outputs["version"] == version], account.late)
        bins = np.minimum((said * 10).astype(int), 9)
        used = [b for b in range(10) if (bins == b).sum() >= 20]
        x, y = [said[bins == b].mean() for b in used], [truth[bins == b].mean() for b in used]
        axes.plot(x, y, marker="o", ms=4, lw=1.2, color=COLOURS.get(version, "#888888"), label=f"delay@{version}")
    axes.set(xlabel="probability of being late that was given", ylabel="share that was late")
    axes.legend(frameon=False, loc="upper left")


def mark_promotion(axes: Axes, account: Account) -> None:
    axes.axvline(account.promoted_s, color="#888888", lw=0.9, ls="--")
    axes.annotate("promoted", (account.promoted_s, 0.04), xycoords=("data", "axes fraction"), xytext=(4, 0), textcoords="offset points")
