"""What is missing is named, with the line that installs it."""

import subprocess
import sys

import pytest

from kachery_core.errors import ExtraMissingError
from kachery_jupyter.streams import extras


def test_a_missing_library_is_named_with_what_to_type(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "zmq" else object())
    with pytest.raises(ExtraMissingError, match=r"pyzmq.*pip install 'kachery-jupyter\[streams\]'"):
        extras.require("zmq", "xarray")


def test_everything_else_is_there_without_the_extra():
    code = """
import sys
for name in ("zmq", "h5py", "xarray", "hdf5plugin", "xdas"):
    sys.modules[name] = None
import kachery_jupyter as kc
from kachery_jupyter import *
for make in (kc.ZMQPublisher, kc.ZMQSubscriber):
    try:
        make("tcp://127.0.0.1:1")
    except kc.KacheryError as problem:
        assert "pip install 'kachery-jupyter[streams]'" in str(problem), problem
    else:
        raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
