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
    from instream.publish import Published, publish  # type: ignore[no-redef]  # the room has the same name
    from instream.scoring import Scorer, load

_ROOMS = {
    "Published": "instream.publish",
    "Scorer": "instream.scoring",
    "Tolerance": "instream.package",
    "load": "instream.scoring",
    "publish": "instream.publish",
}

__all__ = ["Published", "Scorer", "Tolerance", "load", "publish"]


def __getattr__(name: str) -> Any:
    """Import when asked for: a worker that scores needs nothing of publishing."""
    if name not in _ROOMS:
        raise AttributeError(f"module instream has no attribute {name}")
    found = getattr(importlib.import_module(_ROOMS[name]), name)
    globals()[name] = found  # importing the room `publish` has just put the module under the function's name
    return found
