"""The messages of gRPC protocols, in a descriptor pool of our own: the stubs of other projects define the same names.

`compiled.binpb` is made of the .proto files by `make messages`; a test compares them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

COMPILED = Path(__file__).with_name("compiled.binpb")

_pool = descriptor_pool.DescriptorPool()
for _file in descriptor_pb2.FileDescriptorSet.FromString(COMPILED.read_bytes()).file:
    _pool.Add(_file)


def message(name: str) -> Any:
    """A message class, by its full name."""
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(name))
