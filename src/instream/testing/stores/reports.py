"""Reports of workers."""

from __future__ import annotations

from instream.head import Revision
from instream.package import Version
from instream.report import REPORT_LIVES_MS, Report
from instream.stores import Store
from instream.stores.backend import scan
from instream.testing.clocks import MovedClock
from instream.testing.stores.fixtures import StoreFixtures


class ReportLaws(StoreFixtures):
    """What workers say."""

    @staticmethod
    def report(clock: MovedClock, worker: str = "host-0", revision: int = 1, reason: str = "") -> Report:
        return Report(
            name="delay",
            pipeline="delays",
            worker=worker,
            revision=Revision(revision),
            versions=(Version(1),),
            refused=Revision(revision + 1 if reason else 0),
            reason=reason,
            at_ms=clock.wall_ms(),
        )

    def test_the_newest_of_each_worker(self, store: Store, clock: MovedClock) -> None:
        """One report a worker, the last one written; workers whose names begin alike are different ones."""
        store.report(self.report(clock, "host-1"))
        store.report(self.report(clock, "host-11"))
        clock.move(1.0)
        newest = self.report(clock, "host-1", 2, "delay@3: golden row 12 differs")
        store.report(newest)
        assert [(each.worker, each.revision) for each in store.reports("delay")] == [("host-1", 2), ("host-11", 1)]
        assert store.reports("delay")[0] == newest
        assert store.reports("arrival") == ()

    def test_reports_expire(self, store: Store, clock: MovedClock) -> None:
        """Law 7: a worker that says nothing any more is not counted, and its rows do not pile up."""
        for each in range(5):
            store.report(self.report(clock, f"host-{each}"))
        clock.move(REPORT_LIVES_MS / 1000)
        assert len(store.reports("delay")) == 5
        clock.move(0.001)
        assert store.reports("delay") == ()
        for _ in range(20):
            store.report(self.report(clock, "host-9"))
            clock.move(0.5)
        assert [each.worker for each in store.reports("delay")] == ["host-9"]
        assert len(list(scan(store.backend, "reports/delay"))) == 1

    def test_a_worker_withdraws(self, store: Store, clock: MovedClock) -> None:
        """One that ends on purpose is not waited for."""
        leaving = self.report(clock, "host-1")
        store.report(leaving)
        store.report(self.report(clock, "host-11"))
        store.withdraw(leaving)
        assert [each.worker for each in store.reports("delay")] == ["host-11"]
