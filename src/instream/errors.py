"""One tree of errors that knows no transport. Each says what happened, where, and what to do."""

from __future__ import annotations


class InstreamError(Exception):
    """Everything that instream raises on purpose. The CLI prints it without a traceback."""


class SettingsInvalid(InstreamError):
    """A pipeline file, option or argument that cannot be used."""


class MissingExtra(InstreamError):
    """An optional dependency is not installed; the message names the extra."""

    def __init__(self, needed_for: str, extra: str) -> None:
        super().__init__(f"{needed_for} needs an optional dependency: pip install 'instream[{extra}]'")


class SetUpFailed(InstreamError):
    """Something outside of Python is missing, of the wrong version, or cannot be fetched; the message says what to install."""


class InvalidRows(InstreamError):
    """Rows given for scoring lack a column, or have values of another type."""


class TooLarge(InvalidRows):
    """A request has more bytes or rows than the server takes at once; the message says how many that are."""


class FeaturesInvalid(InstreamError):
    """A feature step does not keep its contract, or cannot be loaded."""


class PackageError(InstreamError):
    """A package cannot be used."""


class PackageRefused(PackageError):
    """A version is not adopted, and what served before goes on."""


class PackageCorrupt(PackageError):
    """Bytes do not match the digest in the manifest."""


class ParametersRefused(PackageError):
    """The parameters of one key cannot be used; those before them go on."""


class ConversionRefused(PackageError):
    """No candidate reproduces the original model."""


class UntrustedModel(PackageError):
    """The file can run code when it is read, and nobody said that it may."""


class StoreError(InstreamError):
    """A store refused or failed."""


class NotFound(StoreError):
    """The store has no such model, version or revision."""


class Conflict(StoreError):
    """Somebody else wrote this number or revision first."""


class InUse(StoreError):
    """A kept head names this version."""


class SourceFailed(InstreamError):
    """The source cannot go on; nothing after its last commit is committed."""


class SinkFailed(InstreamError):
    """An output or a dead letter cannot be made durable."""


class TransactionAborted(SinkFailed):
    """A transaction was given up and can be tried again: drop what is in flight and rewind the source."""


class ReaderGone(SinkFailed):
    """Whoever read standard output has ended, as `head` does: the run ends quietly."""


class BadRecord(InstreamError):
    """A record cannot be scored, and the pipeline has no place for dead letters."""


class TooManyDeadLetters(InstreamError):
    """The share of dead letters is past `dead_letter.max_fraction`."""


class Unavailable(InstreamError):
    """No row is settled: offer the batch again after `retry_after_s`."""

    retry_after_s = 0.1

    def __init__(self, message: str, retry_after_s: float = 0.1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Overloaded(Unavailable):
    """The server is well and has more to do than it can: come again after `retry_after_s`, or go elsewhere."""


class DeadlineExceeded(Unavailable):
    """The caller's deadline came before the answer."""


class Unreachable(Unavailable):
    """Nobody answers at an endpoint, or the connection broke."""


class WrongAnswer(InstreamError):
    """What a server answered is not what was asked for: never data."""


class GaveUp(InstreamError):
    """The servers were away for longer than the pipeline's file allows."""


class Closed(InstreamError):
    """The predictor was closed while a caller waited."""


def raised_elsewhere(name: str, message: str) -> InstreamError:
    """An error that another process raised, by its class's name; an InstreamError where no class here is called so."""
    known = globals().get(name)
    kind = known if isinstance(known, type) and issubclass(known, InstreamError) else InstreamError
    error = kind.__new__(kind)  # without its constructor, whose arguments are gone
    Exception.__init__(error, message)
    return error
