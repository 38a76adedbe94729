from __future__ import annotations

from instream.cli.run_status import sentences
from instream.process.messages import Report
from instream.process.status import State, Status, Totals, WorkerStatus


def status(*reports: Report, state: State = State.RUNNING, draining: bool = False) -> Status:
    totals = Totals()
    for report in reports:
        totals = totals.plus(report)
    return Status([WorkerStatus(slot, 100 + slot, state, report) for slot, report in enumerate(reports)], totals, draining)


def test_counts_rate_lag_and_versions_are_one_line() -> None:
    report = Report(ready=True, records_in=1_000, records_out=990, dead_letters=7, filtered=3, behind=500, head=4, versions=(2,))
    assert sentences("delays", status(report, report), 250.4) == [
        "delays: 2,000 in, 1,980 out, 14 dead letters, 6 filtered · 250/s, 1,000 behind · version 2 (head 4)"
    ]


def test_what_is_not_as_it_should_be_is_said() -> None:
    report = Report(waiting_for="the store is away", refused="delay@3: golden row 12 differs")
    lines = sentences("delays", status(report, state=State.RESTARTING), 0)
    assert lines[1:] == ["worker 0 restarting", "worker 0 waits: the store is away", "refused: delay@3: golden row 12 differs"]
    assert "no version loaded yet" in lines[0]


def test_idle_says_why() -> None:
    lines = sentences("delays", status(Report(ready=True, before=1_234_567, behind=0)), 0)
    assert lines[1] == "0 new records; 1.2 M before the start: --from earliest"
    assert len(sentences("delays", status(Report(ready=True, before=9, records_in=1)), 0)) == 1


def test_a_drain_is_said() -> None:
    assert "finishing" in sentences("delays", status(Report(ready=True), draining=True), 0)[0]
