"""What a preview can be: one class for each form, all of them plain JSON values in the end."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from typing_extensions import override

from kachery_jupyter.client.previews_html import preview_html, preview_text


@dataclass(frozen=True)
class Preview:
    """The look of a content, bounded in size whatever the content is.

    Attributes:
        type: array, json, text, table, image, folder or bytes.
        size: bytes of the whole content.
    """

    type: ClassVar[str] = ""
    size: int

    def as_dict(self) -> dict[str, Any]:
        """The same as plain JSON values, without what does not apply; numbers are finite."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        kept = {name: value for name, value in found.items() if value is not None}
        return {"type": self.type, **kept}

    @override
    def __repr__(self) -> str:
        return preview_text(self.as_dict())

    def _repr_html_(self) -> str:
        return preview_html(self.as_dict())


@dataclass(frozen=True, repr=False)
class ArrayPreview(Preview):
    """An array: what it is, and how it looks from afar.

    Attributes:
        shape: of the array.
        dtype: as numpy writes it, at most 200 characters.
        min, max: of what was read, infinities left out; of complex numbers the magnitude; moments
            are text. Left out where nothing can be compared.
        nan, inf: how many of the values that were read are none, and how many infinite.
        sampled: whether only a part was read; then min, max, nan and inf are those of the part.
        lines: up to 8 lines of up to 1,000 points; None where there is no number.
        labels: what the lines are called, if they have names.
        image: {"rows", "columns", "png": base64}, at most 256 x 256.
        slice: which part of an array of many axes is shown, such as '[0, :, :]'.
        values: of arrays that cannot be drawn the first ones, as text.
    """

    type: ClassVar[str] = "array"
    shape: list[int] = field(default_factory=list)
    dtype: str = ""
    min: int | float | str | None = None
    max: int | float | str | None = None
    nan: int | None = None
    inf: int | None = None
    sampled: bool = False
    lines: list[list[float | None]] | None = None
    labels: list[str] | None = None
    image: dict[str, Any] | None = None
    slice: str | None = None
    values: list[str] | None = None


@dataclass(frozen=True, repr=False)
class JsonPreview(Preview):
    """A JSON value of at most 500 nodes.

    Attributes:
        value: the value, or as much of it as is shown.
        cut: whether there is more.
    """

    type: ClassVar[str] = "json"
    value: Any = None
    cut: bool = False

    @override
    def as_dict(self) -> dict[str, Any]:
        return {"type": self.type, "size": self.size, "value": self.value, "cut": self.cut}


@dataclass(frozen=True, repr=False)
class TextPreview(Preview):
    """The first 20 kB of a text.

    Attributes:
        text: as it is; it may come from anybody.
        cut: whether there is more.
    """

    type: ClassVar[str] = "text"
    text: str = ""
    cut: bool = False


@dataclass(frozen=True, repr=False)
class TablePreview(Preview):
    """The first 50 rows of a table.

    Attributes:
        columns: their names, from the first row.
        rows: as many cells as there are columns, each text.
        cut: whether there is more.
    """

    type: ClassVar[str] = "table"
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    cut: bool = False


@dataclass(frozen=True, repr=False)
class ImagePreview(Preview):
    """A picture that browsers show: PNG, JPEG, GIF or WebP.

    Attributes:
        mimetype: such as 'image/png', by its bytes and not by its name.
        width: pixels.
        height: pixels.
    """

    type: ClassVar[str] = "image"
    mimetype: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, repr=False)
class FolderPreview(Preview):
    """The first 200 files of a folder.

    Attributes:
        entries: of each file {"name": path within the folder, "size": bytes, "uri"}.
        cut: whether there is more.
    """

    type: ClassVar[str] = "folder"
    entries: list[dict[str, Any]] = field(default_factory=list)
    cut: bool = False


@dataclass(frozen=True, repr=False)
class BytesPreview(Preview):
    """Bytes that say nothing of themselves.

    Attributes:
        hex: the first 256, two digits each.
        problem: why it is not shown as what its name says, in a sentence.
    """

    type: ClassVar[str] = "bytes"
    hex: str = ""
    problem: str | None = None
