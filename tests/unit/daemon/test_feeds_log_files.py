"""The files of logs: few are open however many are used, and none is closed under a user."""

import os
import random
import threading

import pytest

from kachery_core.errors import StorageFailedError
from kachery_daemon.feeds.log_files import LogFile, OpenFiles


@pytest.fixture
def files():
    return OpenFiles(3)


def new_file(folder, name, files):
    path = folder / name
    path.write_bytes(name.encode())
    return LogFile(path, files)


def read(file):
    descriptor = file.acquire()
    try:
        return os.pread(descriptor, 100, 0).decode()
    finally:
        file.release()


def test_any_number_of_files_is_used_and_three_are_open(tmp_path, files):
    many = [new_file(tmp_path, f"{number}", files) for number in range(50)]
    for _ in range(3):
        for number, file in enumerate(many):
            assert read(file) == f"{number}"
            assert len(files) <= 3


def test_the_one_that_was_not_used_for_longest_is_closed(tmp_path, files):
    one, two, three, four = (new_file(tmp_path, name, files) for name in "1234")
    for file in (one, two, three, one, four):
        read(file)
    assert [file._descriptor >= 0 for file in (one, two, three, four)] == [True, False, True, True]


def test_what_is_in_use_is_never_closed(tmp_path, files):
    many = [new_file(tmp_path, f"{number}", files) for number in range(10)]
    held = [file.acquire() for file in many]
    assert len(files) == 10
    assert [os.pread(one, 10, 0).decode() for one in held] == [str(n) for n in range(10)]
    for file in many:
        file.release()
    read(many[0])
    assert len(files) == 3


def test_a_file_closed_while_it_is_used_is_closed_by_its_last_user(tmp_path, files):
    file = new_file(tmp_path, "a", files)
    first, second = file.acquire(), file.acquire()
    file.close()
    assert os.pread(first, 1, 0) == b"a"
    file.release()
    assert os.pread(second, 1, 0) == b"a"
    file.release()
    assert len(files) == 0
    with pytest.raises(StorageFailedError):
        file.acquire()
    file.close()


def test_a_file_that_was_replaced_meanwhile_is_not_taken_for_the_same(tmp_path, files):
    file = new_file(tmp_path, "a", files)
    read(file)
    for name in "bcd":
        read(new_file(tmp_path, name, files))
    os.replace(tmp_path / "b", tmp_path / "a")
    with pytest.raises(StorageFailedError, match="replaced"):
        read(file)


def test_a_file_is_made_only_if_it_is_new(tmp_path, files):
    file = LogFile(tmp_path / "a", files)
    with pytest.raises(StorageFailedError):
        file.acquire()
    assert not file.path.exists()
    file.acquire(is_new=True)
    file.release()
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_many_threads_always_read_their_own_file(tmp_path, files):
    many = [new_file(tmp_path, f"{number}", files) for number in range(12)]
    wrong = []

    def work(seed):
        chance = random.Random(seed)
        for _ in range(2000):
            number = chance.randrange(len(many))
            if read(many[number]) != f"{number}":
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert not wrong
    assert len(files) <= 3 + 6
