"""What every error of kachery has: words for a person, a code for a program, and whose fault it is.

`kachery_core.errors` draws the whole tree, and is where errors are imported from.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

_classes: dict[str, type[KacheryError]] = {}


class KacheryError(Exception):
    """Something did not work.

    Attributes:
        code: stable name of the class, the same on the wire and in every version.
        message: what happened.
        hint: what to do next.
        fields: facts behind the message, as plain JSON values.
    """

    code: ClassVar[str] = "kachery"

    def __init__(self, message: str, *, hint: str = "", **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields = fields

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        words = re.findall(r"[A-Z][a-z]*", cls.__name__.removesuffix("Error"))
        cls.code = "-".join(words).lower()
        _classes[cls.code] = cls

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return error_from_wire, (error_to_wire(self),)


class InvalidInputError(KacheryError, ValueError):
    """The request itself is wrong."""


class NotFoundError(KacheryError, LookupError):
    """It is not here."""


class NotAllowedError(KacheryError, PermissionError):
    """You may not do this."""


class UnavailableError(KacheryError, ConnectionError):
    """The node, or what it needs, cannot be reached."""


class UntrustworthyError(KacheryError):
    """Bytes that are not what they should be."""


class OverLimitError(KacheryError):
    """There is no room for this."""


class InternalError(KacheryError):
    """A bug in kachery; the node's log has the details."""


def error_classes() -> dict[str, type[KacheryError]]:
    """Every class of the tree by its code."""
    return dict(_classes)


def error_to_wire(error: KacheryError) -> dict[str, Any]:
    """The JSON object that stands for an error."""
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "fields": error.fields,
    }


def error_from_wire(value: dict[str, Any]) -> KacheryError:
    """The error that a JSON object stands for; the same class as on the other side."""
    error_class = _classes.get(str(value.get("code")), KacheryError)
    error = error_class(str(value.get("message", "unknown error")), hint=str(value.get("hint", "")))
    fields = value.get("fields")
    if isinstance(fields, dict):
        error.fields = fields  # whatever their names, none becomes an argument
    return error
