"""A conversation is cut for whoever may stop it, also if it begins afterwards."""

import contextvars
import socket
import threading

import pytest

from kachery_jupyter.client.stopping import Stopper, stoppable, stopped_by


def test_a_thread_that_waits_is_woken() -> None:
    stopper, heard = Stopper(), []
    near, far = socket.socketpair()

    def listen() -> None:
        with stoppable(near):
            heard.append(near.recv(1))

    with near, far, stopped_by(stopper):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(listen,))
        thread.start()
        while not stopper._waiting:
            pass
        stopper.stop()
        thread.join(10)
    assert heard == [b""]


def test_what_begins_afterwards_is_cut_at_once() -> None:
    stopper = Stopper()
    stopper.stop()
    near, far = socket.socketpair()
    with near, far, stopped_by(stopper), stoppable(near), pytest.raises(OSError, match="pipe"):
        near.sendall(b"x")


def test_what_has_ended_or_is_not_ours_is_left_alone() -> None:
    stopper = Stopper()
    near, far = socket.socketpair()
    with near, far:
        with stopped_by(stopper), stoppable(near):
            pass
        with stoppable(near):
            stopper.stop()
            far.sendall(b"x")
            assert near.recv(1) == b"x"
