"""What may stand after `%kc`, and what is shown."""

import pytest
from IPython.core.error import UsageError

from kachery_jupyter.client.tables import Shown
from kachery_jupyter.magics.display import Stored, Usage
from kachery_jupyter.magics.parser import USAGE, parse, split_message

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


def test_help_has_a_row_for_each_command_and_is_laid_out_in_terminals():
    usage = Usage(USAGE)
    assert repr(usage) == USAGE
    told = dict(usage.rows)
    assert all(told)
    assert all(told.values())
    assert told["%kc channel create NAME URL"].startswith("make a channel")
    assert told["%kc load URI [-> NAME]"].endswith("--channel NAME asks that one only")
    assert "or from the channels" not in [command for command, _ in usage.rows]
    assert usage._html().count("<tr>") == 1 + len(told)
    assert "<code" in usage._html()


def test_a_name_cannot_play_with_the_terminal():
    assert "\033" not in repr(Shown((), [("a\033[31mb",)]))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("feed append URI x", "x"),
        ("feed append URI  x ", "x"),
        (' feed  append URI {"a": "b c"}', '{"a": "b c"}'),
        ("""feed append URI {"it's": "-> x"}""", """{"it's": "-> x"}"""),
        ("feed append URI -1", "-1"),
        ("feed append URI --", "--"),
    ],
)
def test_a_message_keeps_its_quotes_and_spaces(line, message):
    arguments = parse(line)
    assert (arguments.verb, arguments.feed_verb) == ("feed", "append")
    assert (arguments.uri, arguments.message) == ("URI", message)


def test_names_are_replaced_everywhere_but_in_a_message():
    assert split_message('feed append {uri} {"a":1}') == ("feed append {uri} ", '{"a":1}')
    assert split_message("load {uri}") == ("load {uri}", "")


def test_feeds_are_made_listed_and_followed():
    assert parse("feed create night").name == "night"
    assert parse("feed create").name is None
    assert parse("feed ls").feed_verb == "ls"
    assert (parse("feed tail URI").count, parse("feed tail URI -n 3").count) == (10, 3)


def test_cells_are_cached_wholly_or_by_name():
    assert (parse("cache").names, parse("cache").again) == ([], False)
    assert (parse("cache x y --again").names, parse("cache --again").again) == (["x", "y"], True)


def test_freezing_and_browsing():
    assert (parse("freeze").file, parse("freeze a.json").file) == (None, "a.json")
    assert parse("freeze --json").json
    assert (parse("browse").search, parse("browse waves").search) == ("", "waves")
