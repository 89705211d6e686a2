"""What may stand after `%kc`, and what is shown."""

import pytest
from IPython.core.error import UsageError

from kachery_jupyter.magics.display import Shown, Stored
from kachery_jupyter.magics.parser import parse

URI = "sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt"


@pytest.mark.parametrize("line", [f"load {URI} -> x", f"load {URI} ->x", f"load {URI} --as x"])
def test_an_arrow_names_the_variable(line):
    arguments = parse(line)
    assert (arguments.verb, arguments.uri, arguments.name) == ("load", URI, "x")


def test_nothing_after_the_magic_asks_for_help():
    assert parse("").verb == "help"


@pytest.mark.parametrize(
    "line", ["stroe x", "store", "load", f"load {URI} ->", f"load {URI} y", "ls 'open", "-h"]
)
def test_what_cannot_be_understood_is_a_usage_error_that_names_help(line):
    with pytest.raises(UsageError, match="%kc help"):
        parse(line)


def test_a_single_stored_variable_is_shown_as_its_uri():
    stored = Stored({"x": URI})
    assert repr(stored) == str(stored) == URI
    assert URI in stored._repr_mimebundle_()["text/html"]


def test_several_stored_variables_are_shown_with_their_names():
    assert repr(Stored({"x": URI, "y": URI})) == f"x: {URI}\ny: {URI}"


def test_what_is_shown_cannot_become_html_of_its_own():
    html = Shown(("<b>",), [("<script>alert(1)</script>",), ('sha1://"><img src=x>',)])._html()
    assert "<script>" not in html
    assert "<img" not in html
    assert "<b>" not in html


def test_columns_stand_under_each_other():
    assert repr(Shown(("a", "b"), [("1", "2"), ("333", "4")])) == "a    b\n1    2\n333  4"
    assert repr(Shown((), [])) == "nothing"


def test_a_name_cannot_play_with_the_terminal():
    assert "\033" not in repr(Shown((), [("a\033[31mb",)]))
