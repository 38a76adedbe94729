"""Where packages, heads and reports are kept."""

from instream.stores.copying import copy
from instream.stores.feed import Changes
from instream.stores.overview import Overview, overview
from instream.stores.promotion import Adoption, adopted_within, promote, rollback
from instream.stores.reference import Reference, parse, resolve
from instream.stores.registry import open_for_publishing, open_store
from instream.stores.store import Store

__all__ = [
    "Adoption",
    "Changes",
    "Overview",
    "Reference",
    "Store",
    "adopted_within",
    "copy",
    "open_for_publishing",
    "open_store",
    "overview",
    "parse",
    "promote",
    "resolve",
    "rollback",
]
