"""Logs: whatever somebody sends and whatever goes wrong, no secret and no trick stands in them."""

from __future__ import annotations

import io
import logging
import secrets
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from kachery_daemon.system.logs import Redaction, cleaned, hide, protect_our_loggers

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = secrets.token_urlsafe(32)
PEM = (
    Ed25519PrivateKey.generate()
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(Redaction())
    logger = logging.getLogger("anybody")
    logger.addHandler(handler)
    yield logger, written
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    "text",
    [
        f"Kachery-Token: {TOKEN}",
        f"/api/v1/files/{TOKEN}?x=1",
        f"key {PEM} end",
        PEM.splitlines()[1],
        f"cut {PEM[:80]}",
    ],
    ids=["header", "address", "key", "line of a key", "cut key"],
)
def test_a_secret_is_known_by_its_looks(text: str) -> None:
    said = cleaned(text)

    assert "[hidden]" in said
    assert TOKEN not in said
    assert PEM.splitlines()[1][21:60] not in said


def test_a_secret_that_was_told_is_hidden_within_anything() -> None:
    hide("0123456789abcdef")
    assert cleaned("x0123456789abcdefx") == "x[hidden]x"
    hide("")
    assert cleaned("nothing") == "nothing"


def test_names_and_hashes_stay_readable() -> None:
    text = f"sha1://{'a1' * 20}/x.npy feed://{'b2' * 32}\n\tüß 漢字"
    assert cleaned(text) == text


@given(st.text(st.characters() | st.sampled_from("\x1b[]\x07\x9b31mK\u202e\r\n")))
def test_nothing_plays_tricks_with_a_terminal(text: str) -> None:
    said = cleaned(text)

    said.encode()
    assert not [
        each for each in said if each not in "\n\t" and not each.isprintable() and ord(each) < 160
    ]
    assert "\u202e" not in said


def test_a_record_is_one_line(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    logger.warning("from %s", "\x1b[31mred\x1b[0m\n2026 ERROR forged")
    assert written.getvalue() == "from red\\n2026 ERROR forged\n"


def test_a_traceback_is_cleaned_and_stays_a_traceback(
    log: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, written = log
    try:
        raise ValueError(f"bad {TOKEN} \x1b[2J")
    except ValueError:
        logger.exception("incident")

    said = written.getvalue()
    assert "Traceback (most recent call last):\n" in said
    assert "ValueError: bad [hidden]" in said
    assert TOKEN not in said
    assert "\x1b" not in said


def test_a_record_that_does_not_fit_its_words_is_logged_all_the_same(
    log: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, written = log
    logger.warning("%d things", "no number")
    assert "no number" in written.getvalue()


def test_what_our_modules_say_is_cleaned_in_the_logs_of_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As within Jupyter, whose handlers are not ours."""
    logger = logging.getLogger("kachery_daemon.api.failures")
    protect_our_loggers()
    protect_our_loggers()

    logger.error("incident %s", TOKEN)

    assert caplog.messages[-1] == "incident [hidden]"
    assert len([each for each in logger.filters if isinstance(each, Redaction)]) == 1
