"""What is stored of a notebook's run, and what a second run is compared with."""

from __future__ import annotations

from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools.lab import store_notebooks


def cell(source: str, text: str):
    data = {"text/plain": text, "image/png": "iVBORw0KGgo=", store_notebooks.VIEW: {"model_id": "m"}}
    return new_code_cell(source, outputs=[new_output("execute_result", data)])


def test_text_is_compared_but_no_picture_no_view_and_no_cell_that_nbval_ignores() -> None:
    timed = "# NBVAL_IGNORE_OUTPUT (times differ from machine to machine)\ntime()"
    notebook = new_notebook(cells=[cell("f()", "H = 1.2"), cell(timed, "3 ms")])
    assert store_notebooks.texts(notebook) == [[("text/plain", "H = 1.2")], []]


def test_what_needs_a_kernel_or_differs_by_run_is_not_stored() -> None:
    notebook = new_notebook(cells=[cell("f()", "H = 1.2")], metadata={"widgets": {}})
    notebook.cells[0].metadata["execution"] = {"iopub.execute_input": "now"}
    cleaned = store_notebooks.cleaned(notebook)
    assert "widgets" not in cleaned.metadata and not cleaned.cells[0].metadata
    assert set(cleaned.cells[0].outputs[0].data) == {"text/plain", "image/png"}
