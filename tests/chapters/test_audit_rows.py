"""Every claim that the course examines has a cell with numbers, and CONTRIBUTING.md's table says which.

`.venv/bin/python tests/chapters/test_audit_rows.py` prints that table from the notebooks.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
VERDICTS = {"R": "right", "C": "under a condition", "O": "overstated", "W": "wrong", "+": "added here"}
ROWS = {  # row: verdict, claim
    "1": ("O", "comparing with everything is computationally impossible"),
    "2": ("O", "negatives are the foundation of self-supervised learning"),
    "3": ("R", "the loss pulls the positive and pushes the negatives"),
    "4": ("C", "with uniform negatives the loss drops to zero and learning halts"),
    "4b": ("+", "K random draws are worth K exp(−σ²), σ the spread of s/τ"),
    "5": ("W", "for *king*, *queen* is the positive and *ruler* a hard negative"),
    "6": ("O", "training on false negatives is disastrous"),
    "6b": ("+", "hard mining and a low τ put the weight on false negatives"),
    "7": ("C", "an exclusion window avoids false negatives"),
    "8": ("R", "a triplet asks for d(a,p) + m < d(a,n)"),
    "9": ("W", "semi-hard means harder than the positive, but not too hard"),
    "10": ("C", "InfoNCE is derived from information theory"),
    "11": ("R", "L = ln(1 + Σ exp((s_j − s⁺)/τ))"),
    "12": ("C", "L = ln(1 + K exp((s⁻ − s⁺)/τ)) when negatives are easy"),
    "13": ("C", "s⁺ well above s⁻ makes the loss small"),
    "14": ("C", "the loss becomes linear in s⁺"),
    "15": ("W", "past the threshold the loss is negligible"),
    "16": ("W", "the effective margin is s⁻ + τ ln K"),
    "16b": ("+", "a cosine reaches the threshold only up to some K"),
    "17": ("W", "the margin grows like ln K because more draws find a hard one"),
    "17b": ("+", "random scores freeze below τ_c = sd / √(2 ln K)"),
    "18": ("C", "K draws find a hard negative with probability 1 − (1 − ρ)^K"),
    "18b": ("+", "a finite pool needs fewer draws"),
    "18c": ("+", "where ρ differs by anchor, its mean promises too much"),
    "19": ("C", "at a low τ the hardest negative dominates"),
    "20": ("R", "at a high τ all negatives count alike"),
    "21": ("W", "entropy measures how hard the negatives are"),
    "22": ("C", "dH/dτ = Var(s)/τ³"),
    "23": ("C", "entropy always increases with τ"),
    "24": ("W", "the more diverse the negatives, the faster entropy rises"),
    "25": ("C", "adaptive temperature keeps the difficulty constant"),
    "26": ("R", "word2vec draws its negatives by f^α, α = 0.75"),
    "27": ("W", "a class seldom drawn as a negative: the model cannot learn what it is not"),
    "28": ("W", "α = 0 treats all classes equally"),
    "29": ("O", "α lies between 0 and 1"),
    "30": ("C", "the model's own probabilities propose better negatives"),
    "31": ("R", "negatives of one's own take memory like B × K"),
    "32": ("C", "in-batch negatives are incredibly memory-efficient"),
    "33": ("W", "in-batch negatives raise the cost of each example"),
    "34": ("C", "a batch gives far more effective negatives"),
    "34b": ("+", "in a batch frequent items meet themselves"),
    "34c": ("+", "without log q, in-batch negatives remove popularity"),
    "35": ("C", "the alias method draws in constant time"),
    "36": ("C", "NCE needs noise that is fixed and does not depend on the model"),
}
MYTHS = [row for row, (verdict, _) in ROWS.items() if verdict in "OW"]


def printed(cell: NotebookNode) -> str:
    """What a cell printed; the size that matplotlib tells of a figure does not count."""
    parts = [out.get("text", "") + out.get("data", {}).get("text/plain", "") for out in cell.outputs]
    return re.sub(r"<Figure size [^>]*>", "", "\n".join(parts))


def answers(notebook: NotebookNode) -> dict[str, list[str]]:
    """For each row, the ids of the code cells that carry it in their metadata and printed a number."""
    found: dict[str, list[str]] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and re.search(r"\d", printed(cell)):
            for row in cell.metadata.get("nslab", {}).get("audit", []):
                found.setdefault(row, []).append(cell.id)
    return found


@pytest.fixture(scope="module")
def chapters() -> dict[Path, dict[str, list[str]]]:
    return read()


def read() -> dict[Path, dict[str, list[str]]]:
    return {path: answers(nbformat.read(path, as_version=4)) for path in CHAPTERS}


def table(chapters: dict[Path, dict[str, list[str]]]) -> str:
    lines = ["| row | claim | chapter | cell |", "|---|---|---|---|"]
    for row, (verdict, claim) in ROWS.items():
        where = [path for path, rows in chapters.items() if row in rows]
        links = "; ".join(f"[{path.name[:2]}](notebooks/{path.name})" for path in where)
        cells = "; ".join(", ".join(f"`{cell}`" for cell in chapters[path][row]) for path in where)
        lines.append(f"| {row} | {claim} ({VERDICTS[verdict]}) | {links} | {cells} |")
    return "\n".join(lines)


@pytest.mark.parametrize("row", ROWS)
def test_each_claim_has_a_cell_with_numbers(chapters: dict[Path, dict[str, list[str]]], row: str) -> None:
    assert any(row in rows for rows in chapters.values()), f"no cell answers row {row}: {ROWS[row]}"


@pytest.mark.parametrize("row", MYTHS)
def test_each_myth_is_in_the_table(row: str) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| {row} \| .+ \| \[\d\d\].+ \| `.+` \|$", text, re.MULTILINE)


def test_no_cell_answers_a_row_that_does_not_exist(chapters: dict[Path, dict[str, list[str]]]) -> None:
    assert {row for rows in chapters.values() for row in rows} <= set(ROWS)


def test_the_table_is_what_the_notebooks_say(chapters: dict[Path, dict[str, list[str]]]) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## Myth checks\n")[1].split("\n## ")[0]
    shown = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    assert shown == table(chapters), f"print it anew with python tests/chapters/{Path(__file__).name}"


def test_a_cell_counts_only_with_its_row_and_a_number() -> None:
    def cell(row: str, text: str) -> NotebookNode:
        outputs = [nbformat.v4.new_output("stream", text=text)]
        made = nbformat.v4.new_code_cell("print()", outputs=outputs, metadata={"nslab": {"audit": [row]}})
        return nbformat.v4.new_notebook(cells=[made])

    assert list(answers(cell("9", "hard 0"))) == ["9"]
    assert answers(cell("9", "none")) == answers(cell("9", "<Figure size 640x480 with 1 Axes>")) == {}


if __name__ == "__main__":
    print(table(read()))
