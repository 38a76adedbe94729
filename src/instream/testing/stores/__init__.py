"""The laws of a store: `class TestMine(StoreLaws)` with a fixture `url`, and `SharedStoreLaws` where several processes may open it."""

from instream.testing.stores.laws import SharedStoreLaws, StoreLaws

__all__ = ["SharedStoreLaws", "StoreLaws"]
