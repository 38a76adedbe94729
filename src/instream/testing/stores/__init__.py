"""The laws of a store: `class TestMine(StoreLaws)` with a fixture `url`.

`SharedStoreLaws` where several processes may open it, and `ParameterLaws` besides where it keeps parameters of keyed models.
"""

from instream.testing.stores.laws import SharedStoreLaws, StoreLaws
from instream.testing.stores.parameters import ParameterLaws

__all__ = ["ParameterLaws", "SharedStoreLaws", "StoreLaws"]
