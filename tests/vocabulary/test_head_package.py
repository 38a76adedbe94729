import pytest

from instream.errors import PackageError, PackageRefused
from instream.head import Head, check_head, first_head
from instream.package import Golden, Manifest, Version, manifest_from
from instream.signature import Field, Signature, fields_of, schema_of, type_from, type_text

SIGNATURE = Signature((Field("x", "float64", nullable=True), Field("v", "float32[3]")), (Field("prediction", "float64"),))
MANIFEST = Manifest(name="delay", signature=SIGNATURE, steps=(), files=(), golden=Golden("i", "o", 0, {}))


@pytest.mark.parametrize("text", ["string", "bool", "int8", "uint64", "float32", "float64", "float64[784]", "string[2]"])
def test_types_survive_their_text(text: str) -> None:
    assert type_text(type_from(text)) == text


@pytest.mark.parametrize("text", ["float", "float64[]", "float64[x]", "list", "float64[2][2]", ""])
def test_unknown_types_are_refused(text: str) -> None:
    with pytest.raises(PackageError, match="expected one of"):
        type_from(text)


def test_a_signature_survives_its_schema() -> None:
    assert fields_of(schema_of(SIGNATURE.inputs)) == SIGNATURE.inputs


def test_a_manifest_survives_its_text_and_keeps_its_digest() -> None:
    again = manifest_from(MANIFEST.encoded())
    assert again == MANIFEST
    assert again.digest == MANIFEST.digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((b'"format":1', b'"format":9'), "format 9"),
        ((b'"files":[]', b'"files":[{"name":"../x","bytes":1,"sha256":""}]'), "plain name"),
        ((b'"name":"delay"', b'"name":7'), "cannot be read"),
    ],
)
def test_a_strange_manifest_is_refused(change: tuple[bytes, bytes], words: str) -> None:
    encoded = MANIFEST.encoded()
    assert change[0] in encoded
    with pytest.raises(PackageError, match=words):
        manifest_from(encoded.replace(*change))


def test_the_next_head_is_one_revision_on_and_its_own() -> None:
    first = first_head("delay", Version(1), by="ann", at_ms=5)
    second = first.next(champion=Version(2), by="bob", at_ms=6)
    assert (first.revision, second.revision) == (1, 2)
    assert first.id != second.id
    check_head(second)


@pytest.mark.parametrize("strange", [{"format": 2}, {"rollout": {"kind": "quantum"}}])
def test_a_head_from_the_future_is_refused(strange: dict[str, object]) -> None:
    known: dict[str, object] = {"name": "delay", "revision": 1, "id": "a", "at_ms": 0, "by": "ann", "champion": 1}
    with pytest.raises(PackageRefused, match="upgrade"):
        check_head(Head(**(known | strange)))  # type: ignore[arg-type]
