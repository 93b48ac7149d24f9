"""Chapter 19: its planted faults, its count of wrong pairs and its scenes.

They are checked against independent computations.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import nslab
from nslab import datasets, explain
from nslab.datasets import lee

ROOT = Path(__file__).resolve().parents[2]
CELLS = {
    cell["id"]: "".join(cell["source"])
    for cell in json.loads((ROOT / "notebooks/19_your_own_embeddings.ipynb").read_text(encoding="utf-8"))[
        "cells"
    ]
}


def unit(x: Any) -> np.ndarray:
    x = np.asarray(x, dtype=float)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def halves() -> tuple[np.ndarray, np.ndarray]:
    texts = [(" ".join(r[: len(r) // 2]), " ".join(r[len(r) // 2 :])) for r in lee()]
    first, second = (datasets.text_vectors(each).numpy() for each in zip(*texts, strict=True))
    return unit(first), unit(second)


def tones(found: nslab.Diagnosis) -> dict[str, str]:
    return dict(re.findall(r"^(\S.*) \[(\w+)\]$", str(found), re.MULTILINE))


def from_cell(cell: str, name: str, **known: Any) -> Any:
    """A function as the chapter writes it."""
    scope: dict[str, Any] = {"np": np, "torch": torch, "nslab": nslab, "re": re} | known
    scope["normalize"] = torch.nn.functional.normalize
    exec(CELLS[cell].split(f"\nshare, rows = {name}")[0], scope)
    return scope[name]


# --- the report on the reports


def test_seven_second_halves_are_copies_under_other_ids(halves):
    texts = [" ".join(r[len(r) // 2 :]) for r in lee()]
    assert len(texts) - len(set(texts)) == 7
    found = nslab.diagnose(*halves, ids=[f"report {i}" for i in range(300)], temperature=0.05, k=63)
    assert found.as_dict()["copies"] == 7 and tones(found)["Repeats"] == "look"
    assert "no mask" in " ".join(str(found).split())


def test_the_scene_of_shares_has_the_hard_negatives_of_the_report(halves):
    first, second = halves
    for tau in (0.02, 0.05, 0.2):
        report = nslab.diagnose(first, second, temperature=tau).as_dict()
        scores = torch.from_numpy(first @ second.T)
        beyond = 0.65 + 0.1 * (scores - scores.diagonal()[:, None]) / tau
        other = ~torch.eye(300, dtype=torch.bool)
        scene = explain.AnchorShares(beyond, other, cutoff=0.55).at(cutoff=0.55)
        assert scene.mean == pytest.approx(report["hard_share"], abs=1e-12)
        assert scene.without == pytest.approx(300 * (report["without_hard"] or 0))


# --- the planted faults

NAMED = {
    "stored twice": {"Repeats": "look"},
    "3 directions": {"Spread": "look"},
    "popular items": {"False negatives": "act", "Repeats": "look", "Popularity": "look"},
    "low τ": {"Negatives that count": "look", "Scores": "look"},
    "out of order": {"Scores": "act"},
}


@pytest.mark.parametrize("seed", range(3))
def test_each_fault_changes_the_line_that_names_it(seed):
    planted = from_cell("plant", "planted")
    control = tones(planted("no fault", seed))
    assert tones(planted("almost twice", seed)) == control
    for fault, lines in NAMED.items():
        said = tones(planted(fault, seed))
        for line, tone in lines.items():
            assert said[line] == tone != control[line], (fault, line)


def test_two_faults_make_a_line_look_better():
    planted = from_cell("plant", "planted")
    assert tones(planted("no fault", 0))["K for a hard negative"] == "look"
    for fault in ("3 directions", "out of order"):
        assert tones(planted(fault, 0))["K for a hard negative"] == "good"


# --- the real fault


def test_row_numbers_change_three_lines_and_hide_the_copies(halves, tmp_path):
    for name, vectors in zip("qk", halves, strict=True):
        pd.DataFrame(vectors).to_csv(tmp_path / f"{name}.csv")
    with pytest.raises(ValueError, match=r"query must be finite, got nan at index \[0, 0\]"):
        nslab.diagnose(pd.read_csv(tmp_path / "q.csv", header=None), halves[1])
    loaded = [pd.read_csv(tmp_path / f"{name}.csv") for name in "qk"]
    faulty = nslab.diagnose(*loaded, temperature=0.05, k=63)
    said = tones(faulty)
    assert (said["Scores"], said["Spread"], said["Lengths"]) == ("act", "act", "look")
    assert faulty.as_dict()["copies"] == 0
    # A score is a product of two row numbers and a cosine: the last key wins for every query from row 1 on.
    scores = loaded[0].to_numpy() @ loaded[1].to_numpy().T
    assert (scores[1:].argmax(1) == 299).all()
    cured = [pd.read_csv(tmp_path / f"{name}.csv", index_col=0) for name in "qk"]
    assert nslab.diagnose(*cured).as_dict()["copies"] == 7


# --- the count of wrong pairs


def test_twice_the_lower_half_counts_the_wrong_pairs(halves):
    count = from_cell("rule", "broken_share")
    first, second = halves
    for wrong in (30, 90, 240):
        found, late = [], []
        for seed in range(5):
            rows = np.random.default_rng(seed + 100).permutation(300)[:wrong]
            mixed = second.copy()
            mixed[rows] = second[np.roll(rows, 1)]
            share, order = count(first, mixed)
            own = np.einsum("ij,ij->i", first, mixed)
            beaten = [
                (first[i] @ mixed.T < own[i] - 1e-12).sum() / 299 for i in range(300)
            ]  # ties are copies
            assert share == 2 * np.mean(np.array(beaten) < 0.5)
            found.append(share)
            late.append(tones(nslab.diagnose(first, mixed, temperature=0.05, k=63))["Scores"])
            # Most of the rows to look at first are wrong ones.
            assert np.isin(order[: wrong // 4], rows).mean() > 0.7
        # Each wrong pair is counted twice or not at all: sd 2·√(n/4)/300, and a few right pairs lie low.
        assert np.mean(found) == pytest.approx(wrong / 300, abs=4 * wrong**0.5 / 300 / 5**0.5 + 0.02)
        assert late == {30: ["good"] * 5, 90: ["look"] * 5}.get(wrong, late)
        assert wrong < 240 or late.count("act") >= 3


def test_a_random_model_has_only_wrong_pairs():
    generator = np.random.default_rng(0)
    share, _ = from_cell("rule", "broken_share")(*generator.normal(size=(2, 400, 16)))
    assert share == pytest.approx(1, abs=4 / 20)


# --- what the fold offers


def test_the_other_scenes_run_on_the_reader_s_data(halves):
    q, key = map(torch.from_numpy, halves)
    scores = q @ key.T
    known = {"pd": pd, "np": np, "explain": explain, "ids": [f"r{i}" for i in range(300)], "scores": scores}
    known |= {"own": scores.diagonal(), "false": torch.zeros(300, 300, dtype=torch.bool)}
    blocks = re.findall(r"```python\n(.*?)```", CELLS["end"], re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        *setup, last = block.strip().split("\n")
        exec("\n".join(setup), known)
        scene = eval(last, known)
        assert isinstance(scene, explain.Explainer) and re.search(r"\d", repr(scene))
