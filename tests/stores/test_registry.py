import pytest

from instream.errors import SettingsInvalid
from instream.stores import open_store
from instream.stores.registry import SCHEMES, schema_of


@pytest.mark.parametrize("url", ["redis://h/1", "models.db", "", "sqlite:/models.db"])
def test_an_unknown_scheme_names_the_known_ones(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="memory://, postgresql://, sqlite://"):
        open_store(url)


def test_no_password_in_a_message() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        open_store("redis://ann:geheim@h/1")
    assert "geheim" not in str(caught.value)


def test_one_name_is_one_store_in_memory() -> None:
    assert open_store("memory://one").cursor() == open_store("memory://one").cursor() != open_store("memory://two").cursor()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_kind_of_store_says_its_schema(scheme: str) -> None:
    assert schema_of(f"{scheme}://x").isdecimal() == (scheme != "memory")
