"""How people name a version: `delay`, `delay@champion`, `delay@3`, `delay@candidate`."""

from __future__ import annotations

import re

import msgspec

from instream.errors import NotFound, SettingsInvalid
from instream.package import Version
from instream.settings import NAME
from instream.stores.store import Store

CHAMPION = "champion"


class Reference(msgspec.Struct, frozen=True):
    """A model and one of its versions, by number or by a label of its head."""

    name: str
    version: Version | None = None
    label: str = CHAMPION

    @property
    def pinned(self) -> bool:
        """Whether it names one version for ever instead of following the head."""
        return self.version is not None


def parse(text: str) -> Reference:
    """Read a reference. Raises SettingsInvalid.

    >>> parse("delay@3")
    Reference(name='delay', version=3, label='champion')
    >>> parse("delay").label
    'champion'
    """
    name, at, which = text.partition("@")
    if not re.fullmatch(NAME, name) or (at and not re.fullmatch(NAME, which)):
        raise SettingsInvalid(f"model {text!r}: expected a name such as delay, delay@champion, delay@3 or delay@label")
    if which.isdecimal() and which.isascii():
        return Reference(name, Version(int(which)))
    return Reference(name, label=which or CHAMPION)


def resolve(store: Store, text: str) -> tuple[str, Version]:
    """Which version a reference means now. Raises NotFound, saying what there is."""
    reference = parse(text)
    if reference.version is not None:
        return reference.name, store.entry(reference.name, reference.version).version
    head = store.head(reference.name)
    if reference.label == CHAMPION:
        return head.name, head.champion
    if reference.label not in head.labels:
        labels = ", ".join((CHAMPION, *sorted(head.labels)))
        raise NotFound(f"{text}: head {head.revision} has no label {reference.label!r}; it has {labels}")
    return head.name, head.labels[reference.label]
