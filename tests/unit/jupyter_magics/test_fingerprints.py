"""Digests of values: the same in every process, different when anything that counts is."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import logging
import pathlib
import re
import subprocess
import sys
import threading
import types

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.errors import InvalidInputError
from kachery_jupyter.magics.fingerprints import Fingerprints


def digest(value) -> bytes:
    return Fingerprints().of_value(value, "x")


def notebook(code: str) -> dict:
    """The variables of a notebook after some code: neither a library's nor of a module's file."""
    variables = {"__name__": "__main__"}
    exec(compile(code, "<cell>", "exec"), variables)
    return variables


@dataclasses.dataclass
class Point:
    x: int
    more: list = dataclasses.field(default_factory=list)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


DIFFERENT = [
    *(None, True, False, 0, 1, -1, 2**70, 0.0, -0.0, 1.0, 1j, "", "1", b"1", bytearray(b"1")),
    *([], [1], [1.0], [True], ["1"], [[1]], [1, 1], (), (1,), {}, {1: 2}, {2: 1}, set(), {1}),
    *(frozenset({1}), {"a": 1, "b": 2}, {"b": 2, "a": 1}, range(3), range(4), slice(1), ...),
    *(np.arange(3), np.arange(3.0), np.arange(3, dtype="i4"), np.arange(3, dtype=">i8")),
    *(np.zeros((2, 3)), np.zeros((3, 2)), np.asfortranarray(np.zeros((2, 3))), np.zeros(0)),
    *(np.array(["a"]), np.array(["a"], object), np.array([[1]], object), np.float32(1)),
    *(np.ma.masked_array([1], [True]), np.ma.masked_array([1], [False]), np.dtype("f8")),
    *(pd.Series([1]), pd.Series([1], name="a"), pd.Series([1], index=["a"]), pd.Series(["1"])),
    *(pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), pd.DataFrame({"a": [1.0]})),
    *(pd.DataFrame({"a": ["x"]}), pd.DataFrame({"a": ["y"]}), pd.DataFrame({"a": [None]})),
    *(pd.Categorical(["a"]), pd.Timestamp("2020"), pd.date_range("2020", periods=2)),
    *(dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)),
    *(decimal.Decimal("1.0"), decimal.Decimal("1.00"), pathlib.PurePath("a"), re.compile("a")),
    *(Point(1), Point(2), Point(1, [1]), Colour.RED, Colour.BLUE, Point, Colour),
    *(collections.OrderedDict(a=1), collections.defaultdict(list), collections.Counter("a")),
    *(len, print, "".join, [].append, np.sin, np.cos, np.mean, np.linalg.norm),
    *(functools.partial(int, base=2), functools.partial(int, base=3), np.random.default_rng(1)),
    np.random.default_rng(2),
]


def test_what_differs_in_anything_has_another_digest() -> None:
    digests: dict[bytes, object] = {}
    for value in DIFFERENT:
        assert digests.setdefault(digest(value), value) is value, value


@pytest.mark.parametrize("place", range(len(DIFFERENT)))
def test_what_is_looked_at_twice_is_the_same(place) -> None:
    assert digest(DIFFERENT[place]) == digest(DIFFERENT[place])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    )
)
def test_a_copy_has_the_digest_of_the_original(value) -> None:
    import pickle

    assert digest(pickle.loads(pickle.dumps(value))) == digest(value)


def test_another_process_makes_the_same_digests() -> None:
    code = (
        "import sys, numpy as np, pandas as pd, datetime, pathlib\n"
        "from kachery_jupyter.magics.fingerprints import Fingerprints\n"
        "def f(x, y=[1]):\n    return [x + i for i in y if i in {'a', 'b', 'c'}]\n"
        "class C:\n    z = {1, 'two', (3,)}\n    def m(self): return f\n"
        "values = [{'a', 'b', 'c'}, f, C, C(), np.arange(3), pd.DataFrame({'a': ['x']}), 'é',"
        " pathlib.PurePath('a'), np.random.default_rng(1), np.mean]\n"
        "print(*(Fingerprints().of_value(value, 'x').hex() for value in values))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


CODE = "K = 2\ndef f(x, a=1):\n    '''Says something.'''\n    return x * K + a\n"


@pytest.mark.parametrize(
    "changed",
    [
        CODE.replace("K = 2", "K = 3"),
        CODE.replace("x * K", "x + K"),
        CODE.replace("a=1", "a=2"),
        CODE.replace("+ a", "+ 1"),
        CODE.replace("return", "import os\n    return"),
    ],
)
def test_a_function_is_its_code_its_defaults_and_the_variables_that_it_reads(changed) -> None:
    assert digest(notebook(CODE)["f"]) != digest(notebook(changed)["f"])


def test_where_a_function_stands_and_what_is_around_it_means_nothing() -> None:
    around = "other = 1\n\n\n" + CODE.replace("    return", "\n    # a comment\n    return")
    assert digest(notebook(CODE)["f"]) == digest(notebook(around)["f"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # What a function calls, and what that calls.
        ("def a(): return b()\ndef b(): return 1", "def a(): return b()\ndef b(): return 2"),
        (
            "def a():\n def i(): return k\n return i\nk=1",
            "def a():\n def i(): return k\n return i\nk=2",
        ),
        ("def m(k):\n return lambda: k\na = m(1)", "def m(k):\n return lambda: k\na = m(2)"),
        ("class C:\n def m(self): return 1\na = C()", "class C:\n def m(self): return 2\na = C()"),
        ("class B:\n k = 1\nclass C(B): pass\na = C", "class B:\n k = 2\nclass C(B): pass\na = C"),
        (
            "class C:\n @property\n def p(self): return 1\na = C",
            "class C:\n @property\n def p(self): return 2\na = C",
        ),
        (
            "class C:\n @staticmethod\n def p(): return 1\na = C",
            "class C:\n @staticmethod\n def p(): return 2\na = C",
        ),
        (
            "import functools\n@functools.lru_cache\ndef a(): return 1",
            "import functools\n@functools.lru_cache\ndef a(): return 2",
        ),
        (
            "import functools\ndef b(): return 1\na = functools.partial(b)",
            "import functools\ndef b(): return 2\na = functools.partial(b)",
        ),
        (
            "def d(f):\n return lambda: f()\n@d\ndef a(): return 1",
            "def d(f):\n return lambda: f()\n@d\ndef a(): return 2",
        ),
        ("def b(): return 1\na = [{'x': b}]", "def b(): return 2\na = [{'x': b}]"),
    ],
)
def test_what_is_called_counts_wherever_it_is(before, after) -> None:
    assert digest(notebook(before)["a"]) == digest(notebook(before)["a"])
    assert digest(notebook(before)["a"]) != digest(notebook(after)["a"])


def test_functions_that_call_each_other_and_values_in_themselves_come_to_an_end() -> None:
    variables = notebook(
        "def a(n): return b(n)\ndef b(n): return n and a(n - 1)\nl = [1]\nl.append(l)"
    )
    for name in ("a", "b", "l"):
        assert digest(variables[name])
    other = notebook("l = [1]\nl.append([1, l])")["l"]
    assert digest(other) != digest(variables["l"])


def test_what_is_in_many_places_is_looked_at_once() -> None:
    value: list = []
    for _ in range(100):
        value = [value, value]
    assert digest(value)


def test_own_modules_count_by_what_is_used_of_them(tmp_path, monkeypatch) -> None:
    def module(text: str) -> types.ModuleType:
        made = types.ModuleType("own_module_of_a_test")
        made.__file__ = str(tmp_path / "own_module_of_a_test.py")
        exec(compile(text, made.__file__, "exec"), made.__dict__)
        monkeypatch.setitem(sys.modules, made.__name__, made)
        return made

    def used(text: str) -> bytes:
        return Fingerprints().of_attributes(module(text), {("f",)})

    code = "k = 1\ndef f(): return k\ndef g(): return 1\n"
    assert used(code) == used(code.replace("return 1", "return 2"))
    assert used(code) != used(code.replace("k = 1", "k = 2"))
    with pytest.raises(InvalidInputError, match="is not known"):
        digest(module(code))


def test_a_library_counts_by_its_version(monkeypatch) -> None:
    before = Fingerprints().of_attributes(np, {("sin",)})
    assert before == Fingerprints().of_attributes(np, {("cos",)})
    monkeypatch.setattr(np, "__version__", "0.0")
    assert before != Fingerprints().of_attributes(np, {("sin",)})


def test_what_libraries_keep_for_their_users_to_change_counts(monkeypatch) -> None:
    import os

    before = Fingerprints().of_attributes(os, {("environ", "get")})
    assert before == Fingerprints().of_attributes(os, {("environ", "get")})
    monkeypatch.setenv("ANYTHING", "new")
    assert before != Fingerprints().of_attributes(os, {("environ", "get")})


@pytest.mark.parametrize(
    "code",
    [
        "import functools, numpy\n@functools.wraps(numpy.sum)\ndef a(x): return 1",
        "import functools as f, math\n@f.cache\n@f.wraps(math.sin)\ndef a(): return 1",
        "class a:\n __module__ = 'numpy'\n def m(self): return 1",
    ],
)
def test_nobody_is_a_librarys_by_saying_so(code) -> None:
    changed = code.replace("return 1", "return 2")
    assert digest(notebook(code)["a"]) == digest(notebook(code)["a"])
    assert digest(notebook(code)["a"]) != digest(notebook(changed)["a"])


def test_what_a_function_imports_when_it_is_called_is_a_librarys_or_refused() -> None:
    assert digest(notebook("def f():\n import json\n return json")["f"])
    with pytest.raises(InvalidInputError, match="import it at the top"):
        digest(notebook("def f():\n import own_module_of_nobody")["f"])


def test_loggers_and_locks_decide_nothing() -> None:
    for make in (threading.Lock, threading.RLock, lambda: logging.getLogger("x")):
        assert digest([make()]) == digest([make()])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"lock": memoryview(b"")}, "cannot be seen"),
        ([iter(lambda: 1, 2), (n for n in [])], "cannot be seen"),
        (notebook("def f(): return eval('x')")["f"], "eval"),
        (notebook("def f(): return globals()")["f"], "globals"),
        (notebook("def f():\n global x\n x = 1")["f"], "global"),
        (functools.reduce(lambda inner, _: [inner], range(100_000), []), "nested too deeply"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_where_it_is(value, said) -> None:
    with pytest.raises(InvalidInputError, match=said) as problem:
        digest(value)
    assert problem.value.message.startswith("x")


def test_the_variables_that_functions_of_the_notebook_read_are_known() -> None:
    prints = Fingerprints()
    prints.of_value(notebook(CODE)["f"], "f")
    assert prints.seen_globals == {"K"}
