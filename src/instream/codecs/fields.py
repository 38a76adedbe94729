"""What is asked of a record: fields by JSON pointer, with the type that the model wants."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from instream.errors import SettingsInvalid

Tokens = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A column to be decoded.

    Attributes:
        name: of the column.
        pointer: a JSON pointer (`/payload/dep_delay`), or a plain name.
        nullable: null where the record has null or nothing; else such a record fails.
    """

    name: str
    pointer: str
    type: pa.DataType
    nullable: bool = False

    def __str__(self) -> str:
        return label(self.name, self.pointer)


@dataclass(frozen=True, slots=True)
class Echo:
    """A field copied to the output.

    Attributes:
        name: in the output.
        pointer: as in `Field`.
        type: None copies the JSON text as it stands; a type makes a column of it, for a sink that has columns.
    """

    name: str
    pointer: str
    type: pa.DataType | None = None

    def __str__(self) -> str:
        return label(self.name, self.pointer)


def label(name: str, pointer: str) -> str:
    """A field for people: its name, and where it is when that is somewhere else."""
    return name if pointer in (name, f"/{name}") else f"{name} ({pointer})"


def tokens_of(pointer: str) -> Tokens:
    """Split a JSON pointer (RFC 6901) into the keys that lead to a field; a text without `/` in front is one key.

    Raises:
        SettingsInvalid: the pointer is empty, or has a `~` that is neither `~0` nor `~1`.

    >>> tokens_of("/payload/after/dep_delay")
    ('payload', 'after', 'dep_delay')
    >>> tokens_of("a~b"), tokens_of("/a~1b")
    (('a~b',), ('a/b',))
    """
    if not pointer or pointer == "/":
        raise SettingsInvalid(f"the pointer {pointer!r} names no field: expected a name, or /key/key")
    if not pointer.startswith("/"):
        return (pointer,)
    if pointer.replace("~0", "").replace("~1", "").count("~"):
        raise SettingsInvalid(f"the pointer {pointer!r}: a ~ is written ~0, and a / inside a key ~1")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))


def pointer_of(name: str) -> str:
    """The pointer of a top-level key, whatever characters it has."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def echo_of(pointer: str) -> Echo:
    """An echo field as a pipeline file names it; the output calls it by the pointer's last key.

    >>> echo_of("/payload/id").name
    'id'
    """
    return Echo(tokens_of(pointer)[-1], pointer)
