"""A bar appears where somebody sees it, and only for what takes long."""

import sys

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
