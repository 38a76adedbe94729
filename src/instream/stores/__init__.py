"""Where packages, heads and reports are kept."""

from instream.stores.copying import copy
from instream.stores.feed import Changes
from instream.stores.reference import Reference, parse, resolve
from instream.stores.registry import open_store
from instream.stores.store import Store

__all__ = ["Changes", "Reference", "Store", "copy", "open_store", "parse", "resolve"]
