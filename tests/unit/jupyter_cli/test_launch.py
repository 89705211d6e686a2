"""Starting a node that outlives its starter."""

import sys
import threading

import pytest

from kachery_core.errors import UnavailableError
from kachery_jupyter.cli.launch import start_in_background, wait_for_end
from kachery_store.folder import Folder
from kachery_store.locks import LifeLock


def test_a_node_that_ends_at_once_is_reported_with_its_last_words(tmp_path):
    program = "import sys; print('no such port', file=sys.stderr); sys.exit(3)"
    with pytest.raises(UnavailableError, match="no such port") as caught:
        start_in_background([sys.executable, "-c", program], tmp_path / "storage")
    assert "node.log" in caught.value.hint


def test_words_of_an_earlier_node_are_not_reported_again(tmp_path):
    for word in ("first", "second"):
        with pytest.raises(UnavailableError) as caught:
            start_in_background([sys.executable, "-c", f"print({word!r})"], tmp_path / "storage")
    assert "second" in caught.value.message
    assert "first" not in caught.value.message


def test_the_log_is_the_owners_alone(tmp_path):
    with pytest.raises(UnavailableError):
        start_in_background([sys.executable, "-c", ""], tmp_path / "storage")
    assert (tmp_path / "storage" / ".state" / "log").stat().st_mode & 0o777 == 0o700


def test_a_node_has_ended_when_another_could_take_its_folder(tmp_path):
    folder = Folder(tmp_path / "storage")
    folder.prepare()
    lock = LifeLock(folder.state / "daemon.lock")
    assert lock.acquire()
    ended = []

    def end():
        ended.append(True)
        lock.release()

    timer = threading.Timer(0.2, end)
    timer.start()
    wait_for_end(folder.root, 1)
    assert ended
    timer.join()
