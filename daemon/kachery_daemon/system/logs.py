"""What may stand in a log: no token, no private key, nothing that plays tricks with a terminal."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

_HIDDEN = "[hidden]"
_OUR_LOGGERS = "kachery_"
_SHORTEST_SECRET = 16
# What `secrets.token_urlsafe(32)` gives, whoever's it is; and Ed25519 keys as PEM and as base64.
_SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|MC4CAQAwBQYDK2VwBCIEI[\w+/=]*"
    r"|(?<![\w-])[\w-]{43}(?![\w-])",
    re.DOTALL | re.ASCII,
)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
# Control characters, line separators, characters that turn the direction of text, half characters.
_TRICKS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_known_secrets: set[str] = set()


def hide(secret: str) -> None:
    """Keep a secret out of what our modules log from now on, whatever stands around it."""
    protect_our_loggers()
    if len(secret) >= _SHORTEST_SECRET:
        _known_secrets.add(secret)


def cleaned(text: str) -> str:
    """Text without secrets and tricks; lines and tabs stay."""
    for secret in _known_secrets:
        text = text.replace(secret, _HIDDEN)
    text = _SECRETS.sub(_HIDDEN, text)
    return _TRICKS.sub(lambda found: ascii(found.group())[1:-1], _ANSI.sub("", text))


class Redaction(logging.Filter):
    """Cleans every record that passes; a record is one line, and its traceback stays as lines."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            message = f"{record.msg} {record.args}"
        record.msg = cleaned(message).replace("\n", "\\n")
        record.args = None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_info = None
        record.exc_text = cleaned(record.exc_text) if record.exc_text else None
        record.stack_info = cleaned(record.stack_info) if record.stack_info else None
        return True


_redaction = Redaction()


def protect_our_loggers() -> None:
    """Clean what our modules say, wherever it goes: within Jupyter it goes to Jupyter's log."""
    _protect(
        logging.getLogger(name)
        for name in list(logging.root.manager.loggerDict)
        if name.startswith(_OUR_LOGGERS)
    )


def protect_all_logs() -> None:
    """Clean what anybody says in this program, as far as it has handlers now."""
    protect_our_loggers()
    _protect(logging.getLogger().handlers)


def _protect(filterers: Iterable[logging.Filterer]) -> None:
    for each in filterers:
        each.addFilter(_redaction)  # once: adding it again does nothing
