"""What is stored, as a list and as a table."""

import kachery_jupyter as kc
from kachery_jupyter.client.file_info import FileList


def test_what_is_listed_is_a_list_that_is_read_as_a_table() -> None:
    assert (kc.list_files(), repr(kc.list_files())) == ([], "nothing")
    uri = kc.store_text("some-random-text", "<b>.txt")
    found = kc.list_files()
    assert isinstance(found, list)
    assert [one.uri for one in found] == [uri]
    headings, line = repr(found).splitlines()
    assert headings.split() == ["uri", "kind", "size", "stored", "from"]
    assert line.split()[:3] == [uri, "text", "16"]
    bundle = found._repr_mimebundle_()
    assert bundle["text/plain"] == repr(found)
    assert "<table" in bundle["text/html"]
    assert "<b>" not in bundle["text/html"]


def test_of_a_long_list_the_first_are_shown() -> None:
    kc.store_text("some-random-text")
    found = FileList(kc.list_files() * 101)
    assert len(repr(found).splitlines()) == 102
    assert "and 1 more" in repr(found)
    assert "and 1 more" in found._repr_mimebundle_()["text/html"]
