"""A trained model in a live stream: no record lost, a new model without a restart.

```python
import instream

instream.publish(estimator, name="delay", sample=frame)
with instream.load("delay@champion") as scorer:
    answers = scorer.score(frame)
```
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instream.package import Tolerance
    from instream.publishing import Published, publish
    from instream.publishing.keyed.publication import PublishedKeyed, publish_keyed
    from instream.publishing.keyed.update import put_parameters
    from instream.scoring import Scorer, load

_ROOMS = {
    "Published": "instream.publishing",
    "PublishedKeyed": "instream.publishing.keyed.publication",
    "Scorer": "instream.scoring",
    "Tolerance": "instream.package",
    "load": "instream.scoring",
    "publish": "instream.publishing",
    "publish_keyed": "instream.publishing.keyed.publication",
    "put_parameters": "instream.publishing.keyed.update",
}

__all__ = ["Published", "PublishedKeyed", "Scorer", "Tolerance", "load", "publish", "publish_keyed", "put_parameters"]


def __getattr__(name: str) -> Any:
    """Import when asked for: a worker that scores needs nothing of publishing."""
    if name not in _ROOMS:
        raise AttributeError(f"module instream has no attribute {name}")
    return getattr(importlib.import_module(_ROOMS[name]), name)
