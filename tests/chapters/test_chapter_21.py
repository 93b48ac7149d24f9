"""Chapter 21, a page of symptoms: each fault is shown and is gone after its cure.

The reasons given hold.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from nbformat import NotebookNode
from ranks import started
from torch import Tensor

from nslab import decoupled_info_nce, gather_with_grad, info_nce, mine_negatives

PAGE = nbformat.read(
    Path(__file__).resolve().parents[2] / "notebooks" / "21_when_it_goes_wrong.ipynb", as_version=4
)
NUMBER = re.compile(r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?|nan")


def cell(name: str) -> NotebookNode:
    return next(each for each in PAGE.cells if each.id == name)


def numbers(name: str) -> dict[str, list[float]]:
    """What a cell of the page prints: the numbers of each line, by the words before its first colon."""
    text = "\n".join(out.get("text") or out.data["text/plain"] for out in cell(name).outputs)
    parts = [line.partition(":") for line in text.splitlines() if ":" in line]
    found = {
        head.strip(): [float(n.replace(",", "")) for n in NUMBER.findall(tail)] for head, _, tail in parts
    }
    return {head: values for head, values in found.items() if values}  # a card's words have none


# --- the index


def test_the_index_leads_to_each_symptom() -> None:
    texts = [each.source for each in PAGE.cells if each.cell_type == "markdown"]
    wanted = re.findall(r'<a href="#(\w+)">', texts[0])
    assert wanted == [found for text in texts for found in re.findall(r'<a id="(\w+)"></a>\n## ', text)]
    assert len(wanted) == 9


def test_every_symptom_has_a_reason_a_cure_and_a_cell() -> None:
    texts = "\n".join(each.source for each in PAGE.cells if each.cell_type == "markdown")
    for name in re.findall(r'<a href="#(\w+)">', PAGE.cells[0].source):
        text = texts.partition(f'<a id="{name}"></a>')[2].partition("<a id=")[0]
        assert re.search(r"\*\*(Why|Three reasons)", text) and "**Cure.**" in text
        assert any(each.id.startswith(name) and each.get("outputs") for each in PAGE.cells)


# --- each fault is shown, and its cure


def test_zero() -> None:
    text = cell("zero-fault").outputs[0].text
    assert [float(n) for n in NUMBER.findall(text)] == [0, 0, 0]
    cured = numbers("zero-cure")
    assert (
        0 < cured["rounding"][0] < 1e-15
        and cured["easy"][0] == pytest.approx(0.1 / 3, abs=1e-4)
        and "row 0" in str(cell("zero-cure").outputs)
    )


def test_a_guess_has_ln_k_plus_1_or_ln_k_where_the_positive_is_left_out() -> None:
    for k in (1, 63, 4095):
        same = torch.full((k,), 0.3, dtype=torch.float64)
        assert info_nce(0.3, same, temperature=0.1).item() == pytest.approx(math.log(k + 1), rel=1e-12)
        assert decoupled_info_nce(0.3, same, temperature=0.1).item() == pytest.approx(math.log(k), abs=1e-12)


def test_lnk() -> None:
    found = re.findall(r"\d\.\d+", cell("lnk").outputs[0].text)
    guess, wrong, right = map(float, found)
    assert guess == round(math.log(64), 3) and abs(wrong - guess) < 0.01 and right < guess - 1
    gaps = numbers("lnk-check")
    assert gaps["untrained, right order"][0] > 0.1 > abs(gaps["untrained, wrong order"][0])
    assert gaps["τ = 10"][0] == pytest.approx(math.log(64), rel=0.005)


def test_half_precision_ends_at_e_to_the_11_1_and_padding_of_minus_infinity_breaks_tau() -> None:
    assert torch.tensor(11.09).exp().half().isfinite() and torch.tensor(11.1).exp().half().isinf()
    assert torch.finfo(torch.float16).max == 65504
    tau = torch.tensor(0.1, requires_grad=True)
    padded = torch.tensor([0.2, -math.inf])
    loss = (padded / tau).logsumexp(-1)
    assert loss.isfinite() and torch.autograd.grad(loss, tau)[0].isnan()
    cured = info_nce(torch.tensor(0.9), padded, temperature=tau, mask=[True, False])
    plain = info_nce(torch.tensor(0.9), padded[:1], temperature=tau)
    assert torch.equal(torch.autograd.grad(cured, tau)[0], torch.autograd.grad(plain, tau)[0])


def test_nan() -> None:
    fault, cured = numbers("nan-fault"), numbers("nan-cure")
    assert math.isnan(fault["float16"][0]) and math.isnan(fault["padded"][1])
    assert all(map(math.isfinite, [*cured["float16"], *cured["padded"]]))
    assert fault["padded"][0] == cured["padded"][0], "the loss itself shows nothing"


def test_collapse() -> None:
    found = numbers("collapse")
    assert found["pull only"][0] < -0.99 and found["pull only"][1] > 0.99
    assert found["with negatives"][1] < 0.5


def test_popular() -> None:
    found = numbers("popular")
    plain, trained, after, best = (
        found[name]
        for name in ("nothing subtracted", "ln q subtracted", "ln q added afterwards", "the best there is")
    )
    # common ones in the top five, and the chance to hold the next item
    assert plain[0] < 40 < 60 < min(trained[0], after[0], best[0])
    assert plain[1] < 0.45 and min(trained[1], after[1]) > best[1] - 0.03


def test_the_in_batch_loss_divides_popularity_out_and_ln_q_puts_it_back() -> None:
    """At scores ln p(y|x) − ln q(y) the expected gradient over batches of two is 0.

    With ln q, it is 0 at ln p(y|x).
    """
    p = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.1, 0.4]], dtype=torch.float64)
    q = p.mean(0)
    for target, log_q in ((p.log() - q.log(), torch.zeros(3)), (p.log(), q.log())):
        scores = target.clone().requires_grad_()
        pair = torch.stack([scores - log_q] * 3, -1), (scores - log_q)[:, None]  # of y and of y'
        loss = F.softplus(pair[1] - pair[0])  # the row x, y with the other positive y'
        (loss * p[:, :, None] * q / 2).sum().backward()
        assert scores.grad is not None and scores.grad.abs().max() < 1e-15


def test_mining() -> None:
    first, *lines = cell("mining").outputs[-1].text.splitlines()
    start, _, false, *_ = (float(n) for n in NUMBER.findall(first))
    assert false > 0.5, "the hardest are mostly positives that nobody marked"
    found = {line[:12].strip(): [float(n) for n in re.findall(r"\d\.\d+", line)] for line in lines}
    assert max(found["hardest"][:2]) < start - 0.05, "it falls early, and does not come back"
    for rule in ("random", "below 95 %", "hardest true"):
        assert found[rule][1] > start and found[rule][1] - found["hardest"][1] > 0.1
        assert found[rule][2] <= 0.03
    assert found["below 95 %"][1] >= found["random"][1]


def test_the_bound_of_the_page_is_that_of_the_library() -> None:
    """`below=0.95` keeps what scores less than s⁺ − 0.05·|s⁺|."""
    corpus = torch.tensor([[1.0], [0.96], [0.94], [0.2]])
    assert mine_negatives(torch.ones(1, 1), corpus, [0], k=1, rank=(1, 3), below=0.95).ids.tolist() == [[2]]
    assert "s >= pos - 0.05 * pos.abs()" in cell("mining-rules").source


# --- devices: the page plays them in a loop; here they are processes


def on_ranks(rank: int, world: int, folder: Path) -> None:
    store = dist.FileStore(str(folder / "store"), world)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world, timeout=timedelta(seconds=60))
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 16, 5, generator=generator, dtype=torch.float64)
    start = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    own = torch.arange(16).chunk(world)[rank]

    def plain(x: Tensor) -> Tensor:
        parts = [torch.empty_like(x) for _ in range(world)]
        dist.all_gather(parts, x.detach())
        return torch.cat([x if r == rank else part for r, part in enumerate(parts)])

    def gradient(gather: Any, all_rows: bool) -> Tensor:
        weight = start.clone().requires_grad_()
        query, key = (gather(F.normalize(v[own] @ weight)) for v in (a, b))
        rows = torch.arange(16) if all_rows else own
        F.cross_entropy(query[rows] @ key.T / 0.1, rows).backward()
        assert weight.grad is not None
        dist.all_reduce(weight.grad)
        return weight.grad / world  # devices are averaged

    found = {
        "plain gather, own rows": gradient(plain, False),
        "plain gather, all rows": gradient(plain, True),
        "the same, times W": world * gradient(plain, True),
        "gather with the gradient": gradient(gather_with_grad, False),
    }
    weight = start.clone().requires_grad_()
    F.cross_entropy(F.normalize(a @ weight) @ F.normalize(b @ weight).T / 0.1, torch.arange(16)).backward()
    assert weight.grad is not None
    torch.save(found | {"one": weight.grad}, folder / f"{rank}.pt")
    dist.destroy_process_group()


def test_devices(tmp_path: Path) -> None:
    for process in started(on_ranks, 2, tmp_path):
        process.join(100)
        assert process.exitcode == 0
    found = torch.load(tmp_path / "0.pt")
    one, page = found.pop("one"), numbers("devices-print")
    assert found.keys() == page.keys()
    off = {name: ((grad - one).norm() / one.norm()).item() for name, grad in found.items()}
    assert off["plain gather, own rows"] > 0.05 and page["plain gather, own rows"][0] > 5
    assert off["plain gather, all rows"] == pytest.approx(0.5, abs=1e-9)
    assert page["plain gather, all rows"] == [50, 0.5]
    for cure in ("the same, times W", "gather with the gradient"):
        assert off[cure] < 1e-12 and page[cure] == [0, 1.0]


# --- loops and ranks


def test_loop() -> None:
    found = numbers("loop")
    for user, share in enumerate((0.5, 0.01, 0)):
        expected = 10_000 * share
        assert abs(found[f"user {user}"][0] - expected) <= 5 * math.sqrt(expected * (1 - share)), (
            "draws per negative: 1 / share"
        )
    cured = numbers("loop-cure")
    assert len(cured["user 0"]) == len(cured["user 1"]) == 3
    assert min(cured["user 0"]) >= 500 and min(cured["user 1"]) >= 990
    assert "user 2 has all 1,000 items" in cell("loop-cure").outputs[0].text


def in_the_top_ten(rank: int, drawn: int, items: int = 10_000) -> float:
    """The chance that at most nine of `drawn` other items are among the rank − 1 better ones."""
    ways = sum(math.comb(rank - 1, j) * math.comb(items - rank, drawn - j) for j in range(10))
    return ways / math.comb(items - 1, drawn)


def test_metric() -> None:
    assert in_the_top_ten(300, 100) > 0.99 and in_the_top_ten(500, 100) > 0.95 > in_the_top_ten(1000, 100)
    found = numbers("metric")
    for name, drawn in (("among 100 drawn", 100), ("among all", 9_999)):
        a = (in_the_top_ten(1, drawn) + in_the_top_ten(5000, drawn)) / 2
        # "A 0.50, B 1.00"
        assert found[name] == pytest.approx([a, in_the_top_ten(300, drawn)], abs=0.005)
    assert found["among 100 drawn"][0] < found["among 100 drawn"][1]
    assert found["among all"][0] > found["among all"][1]
