"""Work on another thread, which can be given up."""

import gc
import threading
import weakref

import pytest

from instream.live.loading import Loading


class Model:
    pass


def test_a_result_is_handed_over_once_and_kept_by_nobody_else() -> None:
    loading = Loading(Model)
    assert loading.wait(60)
    gone = weakref.ref(model := loading.result())
    del model
    gc.collect()
    assert gone() is None


def test_what_was_raised_is_raised() -> None:
    loading: Loading[Model] = Loading(lambda: Model(1))  # type: ignore[call-arg]
    assert loading.wait(60)
    with pytest.raises(TypeError):
        loading.result()


def test_a_load_that_was_given_up_keeps_no_model() -> None:
    go, made = threading.Event(), list[weakref.ref[Model]]()

    def slow() -> Model:
        go.wait(60)
        model = Model()
        made.append(weakref.ref(model))
        return model

    loading = Loading(slow)
    assert not loading.wait(0)
    loading.give_up()
    go.set()
    assert loading.wait(60)
    gc.collect()
    assert made[0]() is None
