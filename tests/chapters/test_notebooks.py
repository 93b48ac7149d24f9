"""What every committed notebook must keep to, and proof that each rule can fail.

`.venv/bin/python tests/chapters/test_notebooks.py` prints how long the main path of each chapter is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from html import escape
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOTEBOOKS = CHAPTERS + sorted((ROOT / "solutions").glob("*.ipynb"))
VIEW = "application/vnd.jupyter.widget-view+json"
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
PLACE = re.compile(r"(?<![\w.:/])/(?:home|Users|root|tmp|var|opt|usr|private|work|mnt|srv)/\w|\b[A-Z]:\\")

Rule = Callable[[NotebookNode], str | None]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def printed(output: NotebookNode) -> str:
    """The text of an output; matplotlib's own `<Figure size …>` says nothing and does not count."""
    data = output.get("data", {})
    text = output.get("text", "") + data.get("text/plain", "") + data.get("text/html", "")
    return re.sub(r"<Figure size [^>]*>", "", text)


def length(cell: NotebookNode) -> int:
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def run_once_in_order(notebook: NotebookNode) -> str | None:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    return None if counts == list(range(1, len(counts) + 1)) else f"execution counts are {counts}"


def no_stderr(notebook: NotebookNode) -> str | None:
    noise = [output.text for output in outputs(notebook) if output.get("name") == "stderr"]
    return f"stderr is kept: {noise[0]}" if noise else None


def no_error(notebook: NotebookNode) -> str | None:
    errors = [output.evalue for output in outputs(notebook) if output.output_type == "error"]
    return f"an error is kept: {errors[0]}" if errors else None


def no_widget_state(notebook: NotebookNode) -> str | None:
    if "widgets" in notebook.metadata or any(VIEW in output.get("data", {}) for output in outputs(notebook)):
        return "widget state or a widget view is kept"
    return None


def a_number_beside_each_figure(notebook: NotebookNode) -> str | None:
    for cell in code_cells(notebook):
        figure = any(kind.startswith("image/") for output in cell.outputs for kind in output.get("data", {}))
        if figure and not re.search(r"\d", "".join(map(printed, cell.outputs))):
            return f"a figure without a printed number: {cell.source}"
    return None


def no_address_or_place(notebook: NotebookNode) -> str | None:
    for text in map(printed, outputs(notebook)):
        if found := ADDRESS.search(text) or PLACE.search(text):
            return f"an output holds a memory address or an absolute path: {found.group()}"
    return None


def cell_ids(notebook: NotebookNode) -> str | None:
    ids = [cell.get("id") for cell in notebook.cells]
    return None if all(ids) and len(set(ids)) == len(ids) else "cells need ids, each its own"


def at_most_45_cells(notebook: NotebookNode) -> str | None:
    return f"{len(notebook.cells)} cells" if len(notebook.cells) > 45 else None


def short_code(notebook: NotebookNode) -> str | None:
    for cell in code_cells(notebook):
        most = 25 if "hide-input" in tags(cell) else 13
        if length(cell) > most:
            return f"cell {cell.id} has {length(cell)} lines, {most} at most"
    return None


# --- the main path: what a reader meets without opening a fold

FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
FORMULA = re.compile(r"\$\$.+?\$\$|\$.+?\$", re.DOTALL)
LINK = re.compile(r"\]\([^)]*\)")
REFERENCES = re.compile(r"^\*\*References\.\*\*.*", re.MULTILINE | re.DOTALL)
WORDS_A_MINUTE = 150
MOST_WORDS, MOST_CELLS, FIRST_CELLS = 1200, 25, 3


def tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def prose(cell: NotebookNode) -> str:
    """What is read of a cell of text: a formula is one word, an address and the references are none."""
    shown = REFERENCES.sub("", FOLDED.sub("", cell.source))
    return LINK.sub("]", FORMULA.sub("formula", shown)).strip()


def folded(cell: NotebookNode) -> bool:
    """Whether all that a cell shows stands behind titles (`practice.fold`)."""
    return all("nslab-fold" in output.get("data", {}).get("text/html", "") for output in cell.outputs)


def on_the_main_path(cell: NotebookNode) -> bool:
    """Text outside a fold; code that is shown; an output outside a fold whose code is hidden."""
    if cell.cell_type == "markdown":
        return bool(prose(cell))
    return "hide-input" not in tags(cell) or not folded(cell)


def main_path(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if on_the_main_path(cell)]


def figures(cells: list[NotebookNode]) -> int:
    data = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return sum(any(kind.startswith("image/") for kind in each) for each in data)


def words_to_read(notebook: NotebookNode) -> int:
    texts = [prose(cell) for cell in notebook.cells if cell.cell_type == "markdown"]
    return len(re.findall(r"[^\W_]+(?:['’.,-][^\W_]+)*", "\n".join(texts)))


def minutes_to_read(notebook: NotebookNode) -> int:
    return math.ceil(words_to_read(notebook) / WORDS_A_MINUTE + figures(main_path(notebook)))


def short_main_path(notebook: NotebookNode) -> str | None:
    words, cells = words_to_read(notebook), len(main_path(notebook))
    return f"{words} words, {cells} cells" if words > MOST_WORDS or cells > MOST_CELLS else None


def honest_minutes(notebook: NotebookNode) -> str | None:
    said = re.search(r"\*(\d+) minutes", notebook.cells[0].source)
    needed = minutes_to_read(notebook)
    if said is None or not needed <= int(said.group(1)) <= needed + 10:
        return f"says {said and said.group(1)} minutes, takes {needed}"
    return None


def something_to_touch_first(notebook: NotebookNode) -> str | None:
    first = [cell for cell in main_path(notebook)[:FIRST_CELLS] if cell.cell_type == "code"]
    return (
        None
        if any("explain." in cell.source for cell in first) and figures(first)
        else "no explainer near the top"
    )


def hidden_in_lab_and_on_the_site(notebook: NotebookNode) -> str | None:
    for cell in notebook.cells:
        jupyter, expected = (
            cell.metadata.get("jupyter", {}),
            {"source_hidden": True} if "hide-input" in tags(cell) else {},
        )
        if jupyter != expected or tags(cell) - {"hide-input"}:
            return f"cell {cell.id}: tags {sorted(tags(cell))} beside {dict(jupyter)}"
    return None


def at_most_300_kb(notebook: NotebookNode) -> str | None:
    size = len(json.dumps(notebook, indent=1, ensure_ascii=False).encode())
    return f"{size} bytes" if size > 300 * 1024 else None


RULES: list[Rule] = [
    run_once_in_order,
    no_stderr,
    no_error,
    no_widget_state,
    a_number_beside_each_figure,
    no_address_or_place,
    cell_ids,
]
SIZE_RULES: list[Rule] = [at_most_45_cells, short_code, at_most_300_kb]
PATH_RULES: list[Rule] = [
    short_main_path,
    honest_minutes,
    something_to_touch_first,
    hidden_in_lab_and_on_the_site,
]
GUIDES = {"20_which_negatives", "21_when_it_goes_wrong"}  # pages to look things up in: no scene opens them
STORY_RULES: list[Rule] = [something_to_touch_first]


def path_rules(path: Path) -> list[Rule]:
    """What the main path of this chapter must keep to: a guide is no story."""
    return [rule for rule in PATH_RULES if path.stem not in GUIDES or rule not in STORY_RULES]


def broken_rules(notebook: NotebookNode) -> list[str]:
    return [rule.__name__ for rule in RULES + SIZE_RULES + PATH_RULES if rule(notebook)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_notebook_keeps_the_rules(path: Path) -> None:
    notebook = nbformat.v4.reads(path.read_text(encoding="utf-8"))  # nbformat.read would add missing cell ids
    nbformat.validate(notebook)
    rules = RULES + SIZE_RULES + path_rules(path) if path in CHAPTERS else RULES
    problems = [f"{rule.__name__}: {problem}" for rule in rules if (problem := rule(notebook))]
    assert not problems, "\n".join([str(path.relative_to(ROOT)), *problems])


def good() -> NotebookNode:
    figure = {"image/png": "iVBORw0KGgo=", "text/plain": "H = 1.23 nats"}
    return nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("A chapter\n\n*2 minutes.*"),
            nbformat.v4.new_code_cell(
                "explain.Scene()",
                execution_count=1,
                outputs=[nbformat.v4.new_output("execute_result", figure, execution_count=1)],
            ),
            nbformat.v4.new_code_cell(
                "print(2)", execution_count=2, outputs=[nbformat.v4.new_output("stream", text="2\n")]
            ),
        ]
    )


def set_data(notebook: NotebookNode, kind: str, content: object) -> None:
    notebook.cells[1].outputs[0].data[kind] = content


BREAKS: list[tuple[Rule, Callable[[NotebookNode], object]]] = [
    (run_once_in_order, lambda nb: nb.cells[2].update(execution_count=None)),
    (run_once_in_order, lambda nb: nb.cells[2].update(execution_count=3)),
    (
        run_once_in_order,
        lambda nb: nb.cells[1].update(execution_count=2) or nb.cells[2].update(execution_count=1),
    ),
    (no_stderr, lambda nb: nb.cells[2].outputs[0].update(name="stderr")),
    (
        no_error,
        lambda nb: nb.cells[2].outputs.append(nbformat.v4.new_output("error", ename="E", evalue="boom")),
    ),
    (no_widget_state, lambda nb: nb.metadata.update(widgets={})),
    (no_widget_state, lambda nb: set_data(nb, VIEW, {"model_id": "m"})),
    (a_number_beside_each_figure, lambda nb: set_data(nb, "text/plain", "<Figure size 640x480 with 1 Axes>")),
    (a_number_beside_each_figure, lambda nb: nb.cells[1].outputs[0].data.pop("text/plain")),
    (no_address_or_place, lambda nb: set_data(nb, "text/plain", "<Model 1 at 0x7f00deadbeef>")),
    (no_address_or_place, lambda nb: nb.cells[2].outputs[0].update(text="2 files in /home/ada/lab")),
    (cell_ids, lambda nb: nb.cells[1].pop("id")),
    (cell_ids, lambda nb: nb.cells[1].update(id=nb.cells[2].id)),
    (at_most_45_cells, lambda nb: nb.cells.extend(nbformat.v4.new_markdown_cell("") for _ in range(43))),
    (short_code, lambda nb: nb.cells[2].update(source="x\n" * 14)),
    (
        short_code,
        lambda nb: nb.cells[2].update(
            source="x\n" * 26, metadata={"tags": ["hide-input"], "jupyter": {"source_hidden": True}}
        ),
    ),
    (short_main_path, lambda nb: nb.cells[0].update(source="*10 minutes.*" + " word" * 1199)),
    (short_main_path, lambda nb: nb.cells.extend(nbformat.v4.new_markdown_cell("more") for _ in range(23))),
    (honest_minutes, lambda nb: nb.cells[0].update(source="*1 minutes.*")),
    (honest_minutes, lambda nb: nb.cells[0].update(source="*20 minutes.*")),
    (something_to_touch_first, lambda nb: nb.cells[1].update(source="plt.show()")),
    (hidden_in_lab_and_on_the_site, lambda nb: nb.cells[2].metadata.update(tags=["hide-input"])),
    (hidden_in_lab_and_on_the_site, lambda nb: nb.cells[2].metadata.update(jupyter={"source_hidden": True})),
    (at_most_300_kb, lambda nb: set_data(nb, "image/png", "A" * 300 * 1024)),
]


def test_a_good_notebook_breaks_no_rule() -> None:
    assert broken_rules(good()) == []


@pytest.mark.parametrize(("rule", "damage"), BREAKS)
def test_each_rule_can_fail(rule: Rule, damage: Callable[[NotebookNode], object]) -> None:
    notebook = deepcopy(good())
    damage(notebook)
    assert broken_rules(notebook) == [rule.__name__]


def test_every_rule_is_shown_to_fail() -> None:
    assert {rule for rule, _ in BREAKS} == {*RULES, *SIZE_RULES, *PATH_RULES}


def test_only_the_guides_that_exist_go_without_a_scene() -> None:
    assert {path.stem for path in CHAPTERS} >= GUIDES
    assert [path.stem for path in CHAPTERS if something_to_touch_first not in path_rules(path)] == sorted(
        GUIDES
    )
    assert all({*PATH_RULES} - {*path_rules(path)} <= {*STORY_RULES} for path in CHAPTERS)


@cache
def exporter() -> HTMLExporter:
    """One for all chapters: it reads its templates once."""
    return HTMLExporter(embed_images=True)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_an_export_to_html_keeps_every_figure_and_every_number(path: Path) -> None:
    """A figure of an explainer carries its numbers itself.

    An export, like a notebook on the web, shows one form of an output.
    """
    notebook = nbformat.read(path, as_version=4)
    shown = outputs(notebook)
    notebook.cells = code_cells(notebook)
    for cell in notebook.cells:
        cell.source = ""  # coloring the code takes most of an export, and nothing is asked of it
    page, _ = exporter().from_notebook_node(notebook)
    for output in shown:
        data = output.get("data", {})
        if "image/png" in data:
            assert data["image/png"].strip() in page
        elif "text" in output:
            assert escape(output.text.splitlines()[0], quote=False) in page


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("$$L = 1$$\n\n[chapter 05](05_temperature.ipynb), $K$", 4),
        ("Shown.<details>\n\nnot counted\n\n</details>", 1),
        ("One.\n\n**References.** He et al., 2020", 1),
    ],
)
def test_only_what_is_read_is_counted(source: str, words: int) -> None:
    assert words_to_read(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])) == words


if __name__ == "__main__":
    for path in CHAPTERS:
        notebook = nbformat.read(path, as_version=4)
        path_length = (
            f"{words_to_read(notebook)} words, {len(main_path(notebook))} of {len(notebook.cells)} cells"
        )
        print(
            f"{path.stem}: {path_length}, {minutes_to_read(notebook)} minutes",
            *filter(None, (rule(notebook) for rule in path_rules(path))),
            sep="; ",
        )
