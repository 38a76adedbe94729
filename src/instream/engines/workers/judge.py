"""Dead letters are for exceptions: past a set share of the newest records the pipeline stops."""

from __future__ import annotations

from collections import Counter

import numpy as np

from instream.errors import BadRecord, TooManyDeadLetters
from instream.failures import Failures
from instream.records import Records

WINDOW = 10_000
JUDGED_AFTER = 1_000


class Judge:
    """Knows of each of the newest 10,000 records whether it became a dead letter."""

    def __init__(self, max_fraction: float) -> None:
        self._max_fraction = max_fraction
        self._bad = np.zeros(WINDOW, bool)
        self._seen = 0

    def count(self, rows: int, failures: Failures) -> None:
        """Take a batch into account.

        Raises:
            TooManyDeadLetters: says the share, and the most frequent reason of this batch.
        """
        newest = np.arange(max(0, rows - WINDOW), rows)
        self._bad[(self._seen + newest) % WINDOW] = False
        bad = failures.rows[failures.rows >= rows - WINDOW].astype(np.int64)
        self._bad[(self._seen + bad) % WINDOW] = True
        self._seen += rows
        judged = min(self._seen, WINDOW)
        found = int(self._bad.sum())
        if judged >= JUDGED_AFTER and found > self._max_fraction * judged:
            code, _ = Counter(failures.codes).most_common(1)[0] if len(failures) else ("none in this batch", 0)
            raise TooManyDeadLetters(
                f"{found:,} of the last {judged:,} records could not be scored, more than dead_letter.max_fraction = "
                f"{self._max_fraction:g} allows. Most frequent lately: {code}. What was written is committed. `instream dead-letters show` "
                "lists them; correct the cause or raise the limit, run again, then `instream dead-letters replay`"
            )


def refuse(records: Records, failures: Failures) -> BadRecord:
    """The error for a record that cannot be scored when there is no place for dead letters."""
    row = int(failures.rows[0])
    return BadRecord(
        f"{records.source_id(row)}: {failures.codes[0]}: {failures.messages[0]}. The pipeline has no dead_letter.url, so it stops "
        "before this batch; everything before it is committed. Set dead_letter.url to keep such records and go on"
    )
