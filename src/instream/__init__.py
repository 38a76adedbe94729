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
    from instream.scoring import Scorer, load

_ROOMS = {
    "Published": "instream.publishing",
    "Scorer": "instream.scoring",
    "Tolerance": "instream.package",
    "load": "instream.scoring",
    "publish": "instream.publishing",
}

__all__ = ["Published", "Scorer", "Tolerance", "load", "publish"]


def __getattr__(name: str) -> Any:
    """Import when asked for: a worker that scores needs nothing of publishing."""
    if name not in _ROOMS:
        raise AttributeError(f"module instream has no attribute {name}")
    return getattr(importlib.import_module(_ROOMS[name]), name)
