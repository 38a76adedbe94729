"""How much a server process takes on; what is over it is refused at once, with a hint when to come again."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one process.

    Attributes:
        requests: taken on and not yet answered.
        nbytes: held by them: first the body, then the columns that were read from it and the answer that will be made.
        body_bytes: of one request, also when it is unpacked.
        rows: of one request.
        batch_rows: scored together, at most.
        wait_s: for a model; who would wait longer is refused on arrival.
        body_s: from the first byte of a request to its last.
        timeout_s: for a request that names no deadline.
        versions: loaded because somebody asked for them by number or label, besides the champions.
    """

    requests: int = 1_000
    nbytes: int = 64 << 20
    body_bytes: int = 8 << 20
    rows: int = 100_000
    batch_rows: int = 8_192
    wait_s: float = 1.0
    body_s: float = 30.0
    timeout_s: float = 30.0
    versions: int = 4
