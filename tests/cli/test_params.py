"""`instream params`, over a model whose keys have y = k x + k."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from instream.keyed.payload import decode
from instream.stores import Store, open_store
from instream.stores.parameters import Parameters
from instream.testing.keyed import FEATURES, LINE, line, line_package, published
from instream.testing.packages import tiny_package
from tests.cli.conftest import Instream

ROUTE = ("--key", "JFK", "--key", "LAX")
KEYS = {"s:JFK|s:LAX": 1.0, "s:JFK|s:BOS": 2.0, "s:a%7Cb|n:": 3.0, "s:EWR": 4.0}


@pytest.fixture
def store(tmp_path: Path, instream: Instream) -> Store:
    """The default store of the commands, with delay@1."""
    store = open_store(f"sqlite:///{tmp_path}/instream.db")
    published(store, line_package(tmp_path, key={"origin": "string", "dest": "string"}), KEYS)
    return store


@pytest.fixture
def parameters(store: Store) -> Parameters:
    return store.parameters("delay", store.head("delay").champion)


def test_keys_are_listed(instream: Instream, parameters: Parameters) -> None:
    parameters.write({"s:JFK|s:BOS": None})
    done = instream("params", "list", "delay")
    assert [each.split(maxsplit=2)[2] for each in done.out.splitlines()] == ["origin=EWR", "origin=JFK dest=LAX", 'origin="a|b" dest=null']
    assert "3 keys of delay@1\n" in done.err
    assert "1 key of delay@1; there are more" in instream("params", "list", "delay", "--limit", 1).err
    texts = [json.loads(each)["key"] for each in instream("params", "list", "delay", "--json").out.splitlines()]
    assert texts == ["s:EWR", "s:JFK|s:LAX", "s:a%7Cb|n:"]


def test_what_a_key_has(instream: Instream, parameters: Parameters, tmp_path: Path) -> None:
    done = instream("params", "get", "delay", *ROUTE)
    assert done.status == 0, done.err
    assert "origin=JFK dest=LAX (s:JFK|s:LAX)" in done.out
    assert "architecture  linear" in done.out
    found = json.loads(instream("params", "get", "delay", "--key-text", "s:a%7Cb|n:", "--json").out)
    assert found["revision"] == parameters.read(["s:a%7Cb|n:"])["s:a%7Cb|n:"].revision
    assert found["header"]["features"] == ["x"]
    assert instream("params", "get", "delay", *ROUTE, "-o", "one.safetensors").status == 0
    assert (tmp_path / "one.safetensors").read_bytes() == line(1.0)


def test_a_file_is_put_and_read_back(instream: Instream, parameters: Parameters, tmp_path: Path) -> None:
    (tmp_path / "new.safetensors").write_bytes(line(7.0))
    done = instream("params", "put", "delay", *ROUTE, "--file", "new.safetensors", "--json")
    assert done.status == 0, done.err
    found = parameters.read(["s:JFK|s:LAX"])["s:JFK|s:LAX"]
    assert (found.payload, json.loads(done.out)) == (line(7.0), {"key": "s:JFK|s:LAX", "revision": found.revision})


def test_pipes(store: Store, tmp_path: Path) -> None:
    """Bytes go through standard input and output as they are."""
    command = [sys.executable, "-m", "instream.cli", "params"]
    put = [*command, "put", "delay", *ROUTE, "--file", "-"]
    subprocess.run(put, cwd=tmp_path, input=line(8.0), check=True, capture_output=True, timeout=60)
    got = subprocess.run([*command, "get", "delay", *ROUTE, "-o", "-"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert got.stdout == line(8.0)


def test_history_removal_and_rollback(instream: Instream, parameters: Parameters) -> None:
    parameters.write({"s:JFK|s:LAX": line(7.0)})
    assert "removed, revision" in instream("params", "remove", "delay", *ROUTE).out
    assert instream("params", "get", "delay", *ROUTE).status == 1
    assert instream("params", "remove", "delay", *ROUTE).status == 1
    lines = instream("params", "history", "delay", *ROUTE).out.splitlines()
    assert [each.split()[3] for each in lines] == ["STATE", "removed", "-", "-"]
    assert "put back, revision" in instream("params", "rollback", "delay", *ROUTE).out
    assert parameters.read(["s:JFK|s:LAX"])["s:JFK|s:LAX"].payload == line(7.0)
    oldest = json.loads(instream("params", "history", "delay", *ROUTE, "--json").out.splitlines()[-1])
    assert instream("params", "rollback", "delay", *ROUTE, "--revision", oldest["revision"]).status == 0
    assert parameters.read(["s:JFK|s:LAX"])["s:JFK|s:LAX"].payload == line(1.0)


def test_many_keys_from_a_function(instream: Instream, parameters: Parameters, tmp_path: Path) -> None:
    (tmp_path / "retrained.py").write_text(
        "import numpy as np\nfrom sklearn.linear_model import LinearRegression\n"
        "def models():\n"
        "    x = np.arange(5.0)[:, None]\n"
        "    for k in (10, 20):\n"
        "        yield ('JFK', f'X{k}'), LinearRegression().fit(x, k * x[:, 0] + 1)\n"
        "    yield ('JFK', 'LAX'), None\n"
        "def broken():\n    yield from models()\n    raise ValueError('no more rows')\n"
        "def odd():\n    return [1]\n"
    )
    done = instream("params", "put", "delay", "retrained:models")
    assert (done.status, done.out) == (0, "3 keys of delay@1 written\n"), done.err
    found = parameters.read(["s:JFK|s:X20", "s:JFK|s:LAX"])
    assert decode(found["s:JFK|s:X20"].payload or b"", LINE, FEATURES).tensors["coef"][0, 0] == pytest.approx(20)
    assert found["s:JFK|s:LAX"].payload is None
    for function, said in (("broken", "no more rows"), ("odd", "(key, estimator)"), ("absent", "no function absent")):
        done = instream("params", "put", "delay", f"retrained.py:{function}")
        assert (done.status, said in done.err) == (1, True), done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("get", "delay"), "origin (string), dest (string)"),
        (("get", "delay", "--key", "a", "--key", "b", "--key", "c"), "3 values"),
        (("get", "delay", "--key", "a", "--key-text", "s:a"), "by --key or by --key-text"),
        (("get", "delay", "--key-text", "i:7"), "no key of delay"),
        (("get", "delay", "--key-text", "JFK"), "no part of a key"),
        (("get", "delay", "--key", "nowhere"), "no parameters for origin=nowhere"),
        (("get", "delay", "--version", "9", "--key", "a"), "delay@9"),
        (("history", "delay", "--key", "nowhere"), "no parameters"),
        (("rollback", "delay", "--key", "EWR"), "no earlier revision"),
        (("rollback", "delay", "--key", "EWR", "--revision", "7"), "no revision 7"),
        (("put", "delay", "--key", "EWR"), "say what to put"),
        (("put", "delay", "--key", "EWR", "--file", "absent"), "absent"),
        (("put", "delay", "--key", "EWR", "--file", "text"), "s:EWR: the bytes are no parameters"),
        (("put", "delay", "--key", "EWR", "--file", "wrong"), "golden rows are not reproduced"),
        (("put", "delay", "absent:models"), "importing absent"),
        (("put", "delay", "absent:models", "--key", "EWR"), "leave out --key"),
        (("put", "delay", "models"), "module:function"),
        (("list", "plain"), "plain is not keyed"),
        (("list", "other"), "other has no head"),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    instream: Instream, store: Store, parameters: Parameters, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    store.put(tiny_package(tmp_path, "plain"))
    (tmp_path / "text").write_text("no parameters")
    (tmp_path / "wrong").write_bytes(line(7.0, scores=15.0))
    done = instream("params", *arguments)
    assert done.status == 1
    assert said in done.err
    assert "Traceback" not in done.err
    assert parameters.read(["s:EWR"])["s:EWR"].payload == line(4.0)


def test_keys_have_the_types_of_their_columns(instream: Instream, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/instream.db")
    package = line_package(tmp_path, key={"shop": "int64", "open": "bool", "name": "string"}, name="shops")
    published(store, package, {"i:7|b:1|s:7": 1.0, "i:-3": 2.0})
    assert "shop=7 open=true name=7" in instream("params", "get", "shops", "--key", 7, "--key", "true", "--key", 7).out
    assert "shop=-3" in instream("params", "get", "shops", "-k", "-3").out
    for key, said in (("7.5", "a whole number was expected"), ("x", "shop is int64")):
        assert said in instream("params", "get", "shops", "--key", key).err
    assert "true or false was expected" in instream("params", "get", "shops", "--key", 7, "--key", "yes").err
