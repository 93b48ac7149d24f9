"""What turns notebooks and tables into pages of the published course.

The built site is tested in a browser.
"""

from __future__ import annotations

import base64
import doctest
import io
import re
import tomllib
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from nslab import practice
from tools.lab.store_notebooks import Refused
from tools.site import (
    build,
    contents,
    docstrings,
    live,
    myths,
    needed,
    notebooks,
    predictions,
    prose,
    symbols,
)

ROOT = Path(__file__).resolve().parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# --- which cells run


@pytest.mark.parametrize(
    ("sources", "wanted"),
    [
        (["x = 1", "y = train(x)", "print(x, y)", "show(x)"], [0, 3]),
        (["x = 1", "x = 2", "x += 1", "show(x)"], [1, 2, 3]),
        (["net = make()", "adam = Adam(net)", "step(net, adam)", "show(net)"], [0, 1, 2, 3]),
        (["xs = []", "for i in range(3):\n    xs.append(i)", "show(xs)"], [0, 1, 2]),
        (["a = {}", "a['b'].c = 1", "show(a)"], [0, 1, 2]),
        (["n = 1", "for n in m:\n    print(n)", "for n in m:\n    show(n)"], [2]),
        (["x = 0", "x = 1", "def f():\n    return x", "x = 2", "show(f())"], [1, 2, 3, 4]),
        (["z = 1", "y = [z for _ in 'ab']", "show(y)"], [0, 1, 2]),
        (["import a as b", "with b.c() as d:\n    e = 1", "show(e)"], [0, 1, 2]),
    ],
)
def test_a_cell_needs_those_that_set_or_may_change_what_it_reads(
    sources: list[str], wanted: list[int]
) -> None:
    assert needed.needed(sources, [len(sources) - 1]) == wanted


def test_a_chapter_without_an_explainer_needs_no_cell() -> None:
    assert needed.cells(new_notebook(cells=[figure("plt.show()")])) == []
    assert needed.cells(new_notebook(cells=[figure("x", summary="H = 1.2")])) == [0]


@pytest.mark.parametrize("trouble", ["other text", "failure", None])
def test_all_of_a_chapter_runs_where_a_part_gives_another_text(
    trouble: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chapter = tmp_path / "05_t.ipynb"
    stored = new_notebook(cells=[new_code_cell("train()"), figure("x", summary="H = 1.2")])
    nbformat.write(stored, chapter)
    runs = []

    def executed(path: Path, threads: int, only: list[int] | None = None) -> NotebookNode:
        runs.append(only)
        if only and trouble == "failure":
            raise Refused("no x")
        notebook = nbformat.read(path, as_version=4)
        said = "H = 1.3" if only and trouble else "H = 1.2"
        notebook.cells[1].outputs[0].data = {"text/html": f"<div {build.SCENE}>", "text/plain": said}
        return notebook

    monkeypatch.setattr(build, "executed", executed)
    data = build.with_scenes(chapter).cells[1].outputs[0].data
    assert data["text/plain"] == "H = 1.2" and "text/html" in data
    assert runs == ([[1], None] if trouble else [[1]])


# --- predictions


OPTIONS = {"a": "yes & no", "b": "no"}
WHY = {"a": "Because a < b.", "b": "Not so."}


def asked_and_revealed() -> NotebookNode:
    question = practice.predict("Is `x` < 1?", OPTIONS)
    cards = [question._card()._repr_html_(), question.reveal("a", WHY)._repr_html_()]
    sources = ["q1 = practice.predict(\n    ...)\nq1", "q1.reveal(\n    ...)"]
    return new_notebook(
        cells=[
            new_code_cell(
                source, outputs=[new_output("execute_result", {"text/html": card, "text/plain": ""})]
            )
            for source, card in zip(sources, cards, strict=True)
        ]
    )


def shown(cell: NotebookNode) -> ElementTree.Element:
    """The last output of a cell, with its void elements closed as XML wants them."""
    return ElementTree.fromstring(re.sub(r"(<input[^>]*)>", r"\1/>", cell.outputs[-1].data["text/html"]))


def test_a_question_becomes_a_form_with_one_radio_button_an_option() -> None:
    cell = predictions.with_predictions(asked_and_revealed()).cells[0]
    form = shown(cell)
    (legend,) = form.iter("legend")
    assert "".join(legend.itertext()) == "Is x < 1?" and legend[0].tag == "code"
    assert [button.get("value") for button in form.iter("input")] == ["a", "b"]
    assert [text.text for text in form.iter("span")] == list(OPTIONS.values())
    assert cell.metadata.tags == ["remove-input"]


def test_no_button_shares_its_name_with_the_search_field() -> None:
    """The theme fills every field named q with what was searched for."""
    notebook = asked_and_revealed()
    notebook.cells[0].source = notebook.cells[0].source.replace("q1", "q")
    form = shown(predictions.with_predictions(notebook).cells[0])
    assert {button.get("name") for button in form.iter("input")} == {"ask-q"}


def test_an_answer_is_closed_and_knows_its_question_and_never_says_that_nobody_answered() -> None:
    question, answer = predictions.with_predictions(asked_and_revealed()).cells
    fold = shown(answer)
    assert fold.tag == "details" and "open" not in fold.attrib
    assert fold.get("data-answer") == "a" and fold.get("data-ask") == shown(question).get("id")
    assert [row.get("data-option") for row in fold.iter("tr")] == ["a", "b"]
    text = "".join(fold.itertext())
    assert "run this cell" not in text and WHY["b"] in text


def test_what_a_cell_draws_before_its_answer_stays() -> None:
    notebook = asked_and_revealed()
    drawn = new_output("display_data", {"image/png": "iVBORw0KGgo="})
    notebook.cells[1].outputs.insert(0, drawn)
    answer = predictions.with_predictions(notebook).cells[1]
    assert answer.outputs[0] == drawn and shown(answer).tag == "details"


def test_each_prediction_of_the_course_finds_its_answer() -> None:
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        notebook = predictions.with_predictions(nbformat.read(path, as_version=4))
        parts = [shown(cell) for cell in notebook.cells if "remove-input" in cell.metadata.get("tags", [])]
        asked = [part.get("id") for part in parts if part.tag == "form"]
        answered = [part.get("data-ask") for part in parts if part.tag == "details"]
        assert asked == answered and bool(asked) == ("practice.predict(" in path.read_text("utf-8")), (
            path.name
        )


# --- notebooks as pages


def png(pixels: np.ndarray) -> str:
    whole = io.BytesIO()
    Image.fromarray(pixels).save(whole, "PNG")
    return base64.b64encode(whole.getvalue()).decode()


def figure(
    source: str, printed: str = "", summary: str = "<Figure size 840x160 with 9 Axes>"
) -> NotebookNode:
    white = png(np.full((4, 4, 4), 255, np.uint8))
    picture = new_output("display_data", {"image/png": white, "text/plain": summary})
    said = [new_output("stream", name="stdout", text=printed)] if printed else []
    return new_code_cell(source, outputs=[picture, *said])


def test_a_picture_is_told_by_its_titles_and_the_first_line_printed() -> None:
    cell = figure('axes.set_title("Pull alone ends")\naxes.set_title(f"{n}")', "\nmean 0.5\nsd 0.1\n")
    assert notebooks.alt_text(cell) == "Figure: Pull alone ends. mean 0.5"
    assert notebooks.alt_text(figure("plt.show()")) == "Figure drawn by the code above"


def page_of(*cells: NotebookNode) -> NotebookNode:
    title = new_markdown_cell("# 05 · Temperature\n\nText.")
    return notebooks.page(new_notebook(cells=[title, *cells]), "05_temperature", "Run it live")


def test_the_page_of_a_notebook_has_words_for_its_picture_and_a_line_below_the_title() -> None:
    page = page_of(figure('set_title("One")'))
    assert page.cells[0].source == '# 05 · Temperature\n\n<p class="nslab-meta">Run it live</p>\n\nText.'
    assert page.cells[1].metadata.mystnb == {"image": {"alt": "Figure: One"}}
    assert len(page.cells[1].outputs) == 1


def test_a_picture_keeps_its_colors_within_a_shade_in_fewer_bytes() -> None:
    chapter = nbformat.read(ROOT / "notebooks" / "05_temperature.ipynb", as_version=4)
    outputs = [output for cell in chapter.cells for output in cell.get("outputs", [])]
    stored = next(
        out.data["image/png"] for out in outputs if "<Figure" in out.get("data", {}).get("text/plain", "")
    )
    small = notebooks.with_palette(stored)
    before, after = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(each))).convert("RGB")).astype(int)
        for each in (stored, small)
    )
    assert np.abs(before - after).max() <= 16 and len(small) < len(stored) / 2


def test_the_summary_of_an_explainer_is_shown_below_its_picture() -> None:
    explainer = page_of(figure("explain.X()", summary="H = 1.2")).cells[1]
    assert [output.get("text") for output in explainer.outputs] == [None, "H = 1.2\n"]


def test_only_a_cell_that_answers_a_claim_gets_a_target() -> None:
    plain, answers = new_code_cell("1", id="one"), new_code_cell("2", id="two")
    answers.metadata.nslab = {"audit": ["22"]}
    sources = [cell.source for cell in page_of(plain, answers).cells[1:]]
    assert sources == ["1", "(cell-05-two)=", "2"]


# --- pages put together from tables


def test_the_map_holds_every_chapter_once_with_its_picture() -> None:
    pictures = {path.stem: path.read_text(encoding="utf-8") for path in ROOT.glob("notebooks/map/*.svg")}
    drawn = ElementTree.fromstring(contents.course_map(pictures))
    stems = [path.stem for path in sorted(ROOT.glob("notebooks/*.ipynb"))]
    assert [a.get("href") for a in drawn.iter("a")] == [f"notebooks/{stem}.html" for stem in stems]
    shown = {ElementTree.tostring(svg) for svg in drawn.iter("{http://www.w3.org/2000/svg}svg")}
    assert len(shown) == len(stems)


def test_the_list_of_exercises_leads_to_every_exercise_and_its_chapter() -> None:
    rows, tree = contents.exercise_list().split("\n\n", 1)
    assert "| [01 Exclusion windows and false negatives](01_exclusion_windows.ipynb) |" in rows
    assert "| [02](../notebooks/02_what_makes_a_negative_good.ipynb) | ●○○ | 35 |" in rows
    assert tree.splitlines()[3:-1] == [path.stem for path in sorted(ROOT.glob("exercises/*.ipynb"))]


def test_each_symbol_of_chapter_00_has_its_chapter() -> None:
    start = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4)
    stems = {path.stem[:2]: path.stem for path in ROOT.glob("notebooks/*.ipynb")}
    assert r"$\lambda$" in symbols.table(start, tomllib.loads(read("site/symbols.toml")), stems)


def test_a_symbol_without_a_chapter_is_refused() -> None:
    start = new_notebook(
        cells=[
            new_markdown_cell(
                "## Symbols\n\n| s | c | m |\n|---|---|---|\n| τ | `t` | temperature |\n\n## Next"
            )
        ]
    )
    table = symbols.table(start, {"τ": "05"}, {"05": "05_temperature"})
    assert table.splitlines()[-1] == "| τ | `t` | temperature | [05](notebooks/05_temperature.ipynb) |"
    with pytest.raises(ValueError, match="τ"):
        symbols.table(start, {}, {})


CLAIM = (
    "| 22 | dH/dτ = Var(s)/τ³ (under a condition) | [05](notebooks/05_temperature.ipynb) | `check`,"
    " `np-var` |"
)


def test_a_claim_is_read_from_the_table_of_myths() -> None:
    (claim,) = myths.claims(CLAIM)
    assert claim == myths.Claim(
        "22", "dH/dτ = Var(s)/τ³", "under a condition", {"05_temperature": ["check", "np-var"]}
    )


def test_the_myth_page_tells_every_claim_in_its_group_with_a_link_and_the_numbers() -> None:
    cell = new_code_cell("print()", id="check", outputs=[new_output("stream", text="slope < 1.5\n")])
    chapter = new_notebook(cells=[new_markdown_cell("# 05\n\n## How fast?\n\nText"), cell])
    page = myths.page("# Myths", myths.claims(CLAIM), {"22": "Under p."}, {"05_temperature": chapter})
    group = page.split("## Right, under a condition")[1].split("\n## ")[0]
    assert "### dH/dτ = Var(s)/τ³\n\nUnder p.\n" in group
    assert "[chapter 05, *How fast?*](#cell-05-check)" in group
    assert "slope &lt; 1.5" in group
    with pytest.raises(ValueError, match="22"):
        myths.page("# Myths", myths.claims(CLAIM), {}, {"05_temperature": chapter})


def test_every_claim_of_the_course_has_its_text_and_no_text_is_left_over() -> None:
    said = tomllib.loads(read("site/myths.toml"))
    found = myths.claims(read("CONTRIBUTING.md"))
    assert {claim.row for claim in found} | {"intro"} == said.keys()
    assert {claim.verdict for claim in found} == myths.GROUPS.keys()


# --- links, prose, formulas


def test_links_to_run_live_appear_only_where_the_repository_is_known() -> None:
    path = "notebooks/05_temperature.ipynb"
    assert "mybinder" not in live.line(path, "", "../run.html")
    line = live.line(path, "ada/lab", "../run.html")
    assert "mybinder.org/v2/gh/ada/lab/main?urlpath=lab/tree/notebooks/05_temperature.ipynb" in line
    assert "colab.research.google.com/github/ada/lab/blob/main/notebooks/05_temperature.ipynb" in line
    with pytest.raises(ValueError, match="NSLAB_REPOSITORY"):
        live.links(path, "lab")


def test_colab_is_given_the_pins_that_it_lacks_and_no_torch() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    cell = live.colab_cell(lock, "ada/lab")
    assert all(re.search(rf"\b{name}==\d", cell) for name in live.COLAB_LACKS)
    assert "torch" not in cell and "pyright" not in cell
    assert "--no-deps git+https://github.com/ada/lab" in cell


def test_links_of_the_repository_lead_to_pages_or_are_taken_off() -> None:
    text = "[A](A.md#part) ![i](i.png) [L](LICENSE) [w](https://w.org) [05](notebooks/05_t.ipynb) [h](#here)"
    assert (
        prose.page(text, {"A.md": "a.md"}, "")
        == "[A](a.md#part) ![i](i.png) L [w](https://w.org) [05](notebooks/05_t.ipynb) [h](#here)"
    )
    assert "[L](https://github.com/ada/lab/blob/main/LICENSE)" in prose.page(text, {}, "ada/lab")


def test_docstrings_keep_their_examples_and_lose_no_character_to_markup() -> None:
    lines = ["`Control`s of q_, |x| and s*", "", ">>> f(*x_)", "*1*", "", "after `a", "b` x"]
    assert docstrings.rst(lines) == [
        r"``Control``\ s of q\_, \|x\| and s\*", "", ">>> f(*x_)", "*1*", "", "after ``a", r"b``\  x"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "tex", [r"\ln\Big(1 + \frac12\Big)", "K ≥ 1", r"s_1, \dots, s_K", r"a ⟺ b", r"\ln p"]
)
def test_a_formula_becomes_mathml(tex: str) -> None:
    pytest.importorskip("sphinx")
    from tools.site import maths

    drawn = maths.mathml(tex, block=True)
    assert drawn.startswith("<math") and 'display="block"' in drawn


def test_a_function_keeps_a_space_from_its_argument_unless_that_stands_in_brackets() -> None:
    pytest.importorskip("sphinx")
    from tools.site import maths

    assert "mspace" in maths.mathml(r"\ln p", block=False)
    assert "mspace" not in maths.mathml(r"\ln(p)", block=False)


def test_no_line_is_broken_between_a_formula_and_its_punctuation() -> None:
    pytest.importorskip("sphinx")
    from docutils import nodes
    from docutils.core import publish_doctree

    from tools.site import maths

    tree = publish_doctree("Then :math:`a`, :math:`b`, (:math:`c`). So :math:`d` is")
    maths.hold_together(tree)
    formulas = [(f.get("head", ""), f.astext(), f.get("tail", "")) for f in tree.findall(nodes.math)]
    assert formulas == [("", "a", ","), ("", "b", ","), ("(", "c", ")."), ("", "d", "")]
    assert tree.astext() == "Then a b c So d is"


def test_the_description_of_a_page_is_its_first_words_cut_between_words() -> None:
    pytest.importorskip("sphinx")
    from docutils.core import publish_doctree

    from tools.site import hooks

    doctree = publish_doctree("Title\n=====\n\n" + "word " * 60)
    assert hooks.description(doctree) == "word " * 31 + "…"
    assert hooks.reading_time(doctree) == "1 min to read"


def test_each_fold_of_the_side_bar_gets_a_name_and_an_empty_header_is_none() -> None:
    pytest.importorskip("sphinx")
    from tools.site import hooks

    page = (
        '<summary><span class="toctree-toggle"></span></summary><summary>Open</summary><th'
        ' class="head"><p></p></th>'
    )
    done = hooks.accessible(page)
    assert done.count("aria-label") == 1 and done.endswith("<summary>Open</summary><td></td>")
    assert hooks.accessible(done) == done


def test_code_keeps_its_marks_only_where_they_color_it() -> None:
    pytest.importorskip("sphinx")
    from tools.site import hooks

    code = (
        '<span class="n">x</span> <span class="o">=</span> <span class="p">(</span><span class="mi">1</span>'
    )
    assert hooks.light(code) == 'x <span class="o">=</span> (<span class="mi">1</span>'
    sign = '<span class="n"><span class="pre">x</span></span>'
    assert hooks.light(sign) == sign


@pytest.mark.parametrize("module", [docstrings, live, needed, prose])
def test_the_examples_of_the_page_makers_run(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)
    assert tried > 0 and failed == 0
