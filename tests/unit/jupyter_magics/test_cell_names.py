"""What a cell reads and sets, by its code: too much may be read, never too little."""

import ast

import pytest

from kachery_core.errors import InvalidInputError
from kachery_jupyter.magics.cell_names import names_of


def reads(code: str) -> set[str]:
    return names_of(ast.parse(code)).reads - {"print", "range", "f"}


def sets(code: str) -> list[str]:
    return names_of(ast.parse(code)).sets


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("y = x", "x"),
        ("y = 1\nz = y", ""),
        ("x = x + 1", "x"),
        ("x += 1", "x"),
        ("x[0] = 1", "x"),
        ("x.a = 1", "x"),
        ("del x", "x"),
        ("y: x = 1", "x"),
        ("y: int\nprint(y)", "int y"),
        ("if c:\n y = 1\nprint(y)", "c y"),
        ("if c:\n y = 1\nelse:\n y = 2\nprint(y)", "c"),
        ("for i in a:\n y = i\nprint(i, y)", "a i y"),
        ("for i in a:\n y = i\n print(y)", "a"),
        ("for i in a:\n print(y)\n y = i", "a y"),
        ("while c:\n y = 1\nprint(y)", "c y"),
        ("while (n := f()) > 1:\n print(n)", ""),
        ("with f() as g:\n y = g\nprint(y)", ""),
        ("try:\n y = f()\nexcept E:\n y = 2\nprint(y)", "E"),
        ("try:\n y = f()\nexcept E:\n pass\nprint(y)", "E y"),
        ("try:\n f()\nexcept E as e:\n print(e)", "E"),
        ("try:\n f()\nfinally:\n y = 1\nprint(y)", ""),
        ("match x:\n case [a, *b]:\n  print(a, b)\n case {'k': c, **d}:\n  print(c, d)", "x"),
        ("match x:\n case a if a > y:\n  print(a)\nprint(a)", "x y a"),
        ("y = [i + k for i in a if i > m]", "a k m"),
        ("y = [j for i in a for j in i]", "a"),
        ("y = [x for x in x]", "x"),
        ("y = lambda a, b=d, *c, **e: a + b + g", "d g"),
        ("def h(a, b=c):\n d = a\n return d + e", "c e"),
        ("def h():\n import os\n return os", ""),
        ("def h():\n return later\nlater = 1", "later"),
        ("@deco\nclass C(Base):\n a = 1\n b = a + c", "deco Base a c"),
        ("async def h():\n async with a as b:\n  return b", "a"),
        ("import numpy as np\ny = np.pi", ""),
        ("import a.b\ny = a.b", ""),
        ("y = (n := 1) + n", "n"),
        ("f'{x!r:{width}}'", "x width"),
        ("print(*a, **k)", "a k"),
        ("global_name.method(other.attribute)", "global_name other"),
        ("x = 1\ndel x\nprint(x)", "x"),
    ],
)
def test_what_may_be_read_before_it_is_set(code, names) -> None:
    assert reads(code) == set(names.split())


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("a = b = 1\n(c, [d, *e]) = x", "a b c d e"),
        ("for i, j in x:\n k = 1", "i j k"),
        ("with f() as (a, b):\n pass", "a b"),
        ("x[0] = y.z = 1", ""),
        ("import a\nfrom b import c", ""),
        ("y = [i for i in x]", "y"),
        ("y = [(last := i) for i in x]", "y last"),
        ("def f():\n inner = 1", "f"),
        ("class C:\n inner = 1", "C"),
        ("a += 1", "a"),
        ("del a", "a"),
        ("match x:\n case [a, *b]:\n  c = 1", "a b c"),
        ("if x:\n a = 1\nelif y:\n b = 1\nelse:\n c = 1", "a b c"),
    ],
)
def test_what_a_cell_sets(code, names) -> None:
    assert sorted(sets(code)) == sorted(names.split())


def test_functions_imports_and_open_files_are_told_apart() -> None:
    names = names_of(
        ast.parse("import os\nwith open(p) as f:\n pass\ndef g(): pass\nclass C: pass")
    )
    assert (names.defines, names.opens, len(names.imports)) == ({"g", "C"}, {"f"}, 1)


def test_what_is_taken_of_a_module_is_known() -> None:
    chains = names_of(ast.parse("np.linalg.norm(x.a.b)[0]; f(np)")).chains
    assert chains["np"] == {("linalg", "norm"), ()}
    assert chains["x"] == {("a", "b")}


@pytest.mark.parametrize(
    "code",
    [
        "eval('x')",
        "exec(text)",
        "globals()['x']",
        "vars()",
        "locals()",
        "__import__('x')",
        "input()",
        "from m import *",
        "def f():\n global x\n x = 1",
        "get_ipython().run_line_magic('time', 'x')",
        "g = eval",
    ],
)
def test_code_that_could_read_anything_is_refused(code) -> None:
    with pytest.raises(InvalidInputError, match="cannot be cached"):
        names_of(ast.parse(code))
