import pytest

pytest.register_assert_rewrite("instream.testing.stores")
