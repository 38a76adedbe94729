"""Why a version is not adopted: a closed set for metrics, and words for people."""

from __future__ import annotations

from enum import StrEnum

from instream.errors import (
    FeaturesInvalid,
    MissingExtra,
    NotFound,
    PackageCorrupt,
    PackageRefused,
    SettingsInvalid,
    StoreError,
    Unavailable,
)


class Reason(StrEnum):
    """The label of `instream_refusals_total`."""

    UNKNOWN_HEAD = "unknown_head"  # written by a newer instream
    ABSENT = "absent"  # the store has no such version
    CORRUPT = "corrupt"
    INCOMPATIBLE = "incompatible"  # other inputs or outputs than the pipeline has
    STRATEGY = "strategy"  # keyed where one model is wanted, or the other way round
    FEATURES = "features"  # its feature step does not fit, or cannot be run
    TOO_LARGE = "too_large"
    SLOW = "slow"
    GOLDEN = "golden"  # does not reproduce its golden rows
    LOAD = "load_failed"


class Refused(PackageRefused):
    """What is wrong with a version will still be wrong at the next attempt: wait for another head."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Postponed(StoreError):
    """The store or the disk did not answer; the same head is tried again."""


def translated(error: Exception) -> Refused | Postponed:
    """What an exception while a version was prepared means for its head."""
    if isinstance(error, Refused | Postponed):
        return error
    if isinstance(error, NotFound):
        return Refused(Reason.ABSENT, str(error))
    if isinstance(error, StoreError | Unavailable | OSError):
        return Postponed(f"{type(error).__name__}: {error}")
    return Refused(_reason(error), _words(error))


def _reason(error: Exception) -> Reason:
    if isinstance(error, PackageCorrupt):
        return Reason.CORRUPT
    if isinstance(error, FeaturesInvalid | SettingsInvalid):
        return Reason.FEATURES
    return Reason.TOO_LARGE if isinstance(error, MemoryError) else Reason.LOAD


def _words(error: Exception) -> str:
    if isinstance(error, PackageCorrupt | FeaturesInvalid | SettingsInvalid | MissingExtra | PackageRefused):
        return str(error)
    return f"{type(error).__name__}: {error}"
