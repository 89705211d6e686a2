"""The shape of the browser side, as far as ESLint does not look at it."""

import json
import re
from pathlib import Path

import pytest

FRONT = Path(__file__).parents[2] / "labextension"
SOURCES = sorted(
    path
    for path in (FRONT / "src").rglob("*.ts*")
    if ".test." not in path.name and "testing" not in path.parts
)
STYLES = sorted((FRONT / "style").glob("*.css"))
SCHEMAS = sorted((FRONT / "schema").glob("*.json"))
IMPORT = re.compile(r"""(?m)^(?:import|export) (?!type )[^;]*?from '(\.[^']+)'""")
COLOUR = re.compile(
    r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl)a?\(|: *(?:white|black|red|green|blue|gr[ae]y)\b"
)
VAGUE = {"utils", "util", "helpers", "misc", "common", "manager", "data", "stuff", "base"}


def name_of(path: Path) -> str:
    return str(path.relative_to(FRONT))


def imported_by(path: Path) -> set[Path]:
    """Files of ours that this one needs to run; types alone are nothing to run."""
    found = set()
    for target in IMPORT.findall(path.read_text()):
        place = (path.parent / target).resolve()
        found |= {place.with_name(f"{place.name}{end}") for end in (".ts", ".tsx")}
    return found & set(SOURCES)


def test_no_file_needs_itself_in_the_end() -> None:
    graph = {path: imported_by(path) for path in SOURCES}
    assert any(graph.values()), "the pattern finds nothing any more"
    while free := [path for path, needs in graph.items() if not needs & graph.keys()]:
        for path in free:
            del graph[path]
    assert not [name_of(path) for path in graph]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_file_of_the_browser_side_has_a_vague_name(path: Path) -> None:
    assert path.stem.lower() not in VAGUE


@pytest.mark.parametrize("path", STYLES, ids=name_of)
def test_every_colour_comes_from_the_theme(path: Path) -> None:
    assert not COLOUR.findall(path.read_text())


@pytest.mark.parametrize("path", STYLES, ids=name_of)
def test_styles_touch_nothing_but_what_is_ours(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    rules = (rule.partition("{")[0] for rule in text.split("}"))
    selectors = [part.strip() for rule in rules for part in re.split(r",(?![^(]*\))", rule)]
    ours = re.compile(r"^(@.*|\.kachery-.*|from|to|\d+%|)$", re.DOTALL)
    assert not [part for part in selectors if not ours.match(part)]


@pytest.mark.parametrize("path", SCHEMAS, ids=name_of)
def test_settings_belong_to_a_plugin_and_explain_themselves(path: Path) -> None:
    plugin = f"'@kachery/jupyter:{path.stem}'"
    assert any(plugin in source.read_text() for source in SOURCES)
    schema = json.loads(path.read_text())
    assert schema["title"]
    for setting in schema["properties"].values():
        assert setting["title"]
        assert setting["description"]
        assert "default" in setting
