"""A bar appears where somebody sees it, and only for what takes long."""

import sys
from types import SimpleNamespace

import pytest

from kachery_jupyter.client import progress


class Terminal:
    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_nobody_looks_at_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_is_notebook", lambda: False)
    monkeypatch.setattr(progress, "_is_terminal", lambda: False)
    with progress.progress_bar(100, "Storing") as advance:
        assert advance is None


@pytest.mark.parametrize("seconds", [0.5, 1.5])
def test_only_what_takes_over_a_second_is_shown(monkeypatch, seconds: float) -> None:
    terminal, clock = Terminal(), iter([0.0, seconds, seconds, seconds])
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_is_notebook", lambda: False)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.progress_bar(100, "Storing x") as advance:
        assert advance is not None
        advance(40)
        advance(10)
    assert ("Storing x" in terminal.text) == (seconds > 1)


def test_without_any_stderr_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(progress, "_is_notebook", lambda: False)
    with progress.progress_bar(100, "Storing") as advance:
        assert advance is None


def test_whoever_else_counts_says_how_far_it_is_and_of_how_much(monkeypatch) -> None:
    terminal, clock = Terminal(), iter([0.0, 0.5, 1.5, *[2.0] * 50])
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_is_notebook", lambda: False)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.reaching_bar("Fetching x") as report:
        assert report is not None
        report(0, 0)
        assert terminal.text == ""
        report(250_000, 1_000_000)
        assert "Fetching x" in terminal.text
        assert "250k/1.00M" in terminal.text
        assert "B/s" in terminal.text


def test_nobody_counts_for_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_is_notebook", lambda: False)
    monkeypatch.setattr(progress, "_is_terminal", lambda: False)
    with progress.reaching_bar("Fetching") as report:
        assert report is None


def test_in_a_notebook_the_widget_learns_of_the_end_too(monkeypatch) -> None:
    widget = SimpleNamespace(max=0)
    shown = SimpleNamespace(
        container=SimpleNamespace(children=(None, widget, None)),
        total=0,
        update=lambda count: None,  # noqa: ARG005
        close=lambda: None,
    )
    monkeypatch.setattr(progress, "_is_notebook", lambda: True)
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", -1)
    monkeypatch.setattr(progress, "_tqdm", lambda: lambda **_: shown)
    with progress.reaching_bar("Fetching x") as report:
        assert report is not None
        report(1, 100)
        report(2, 250)
    assert (shown.total, widget.max) == (250, 250)


def test_going_through_things_shows_a_bar_once_it_takes_long(monkeypatch) -> None:
    terminal, clock = Terminal(), iter([0.0, 0.5, *[2.0] * 50])
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_is_notebook", lambda: False)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    things = progress.progress(["a", "b", "c"], "Comparing")
    seen = [(thing, terminal.text) for thing in things]
    assert [thing for thing, _ in seen] == ["a", "b", "c"]
    assert [text != "" for _, text in seen] == [False, False, True]
    assert "Comparing" in terminal.text
    assert "2/3" in terminal.text


def test_what_has_no_length_is_gone_through_as_well(monkeypatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_is_notebook", lambda: False)
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", -1)
    assert list(progress.progress(iter("abc"))) == ["a", "b", "c"]
    assert "1it" in terminal.text


def test_in_a_notebook_the_bar_is_a_widget(monkeypatch) -> None:
    from ipywidgets import FloatProgress

    monkeypatch.setattr(progress, "_is_notebook", lambda: True)
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", -1)
    with progress.progress_bar(100, "Storing x") as advance:
        assert advance is not None
        advance(40)
        shown = advance.__self__._shown
        assert isinstance(shown.container.children[1], FloatProgress)
        assert shown.container.children[1].value == 40
