"""The laws put together."""

from __future__ import annotations

from instream.testing.stores.crashes import CrashLaws
from instream.testing.stores.feed import FeedLaws
from instream.testing.stores.heads import HeadLaws
from instream.testing.stores.history import HistoryLaws
from instream.testing.stores.packages import PackageLaws
from instream.testing.stores.reports import ReportLaws
from instream.testing.stores.sharing import SharingLaws


class StoreLaws(PackageLaws, CrashLaws, HeadLaws, FeedLaws, ReportLaws, HistoryLaws):
    """What every store keeps, in-memory ones included."""


class SharedStoreLaws(StoreLaws, SharingLaws):
    """What a store keeps that several processes may open."""
