"""The losses that the bench compares do the same work, and its yardstick for gradients is right."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import _pairs, _record

bench = pytest.importorskip("benchmarks.losses", reason="the peers of nslab[bench] are not installed")
PEERS = bench.PLAIN | bench.STREAMING | bench.MANAGED | bench.CACHED | bench.CUBIC


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_computes_the_same_loss_and_the_same_gradient(name):
    loss = PEERS[name]
    query, key = _pairs.pairs(40, torch.float64)
    found = loss(query, key, 0.3).item()
    assert found == pytest.approx(_pairs.ours(query, key, 0.3).item(), rel=1e-12)
    _pairs.step(loss, query, key, 0.3)
    want = bench.exact_gradient(query, key, 0.3, normalised=loss in bench.NORMALISE) / 40
    assert query.grad is not None and torch.allclose(query.grad, want, rtol=1e-10, atol=1e-14)


def test_the_masked_plain_form_is_ours_too():
    query, key = _pairs.pairs(40, torch.float64)
    given = _pairs.items(40)
    assert len(given["ids"].unique()) < 40
    masked = _pairs.ours(query, key, 0.3, **given).item()
    assert masked == pytest.approx(_pairs.plain(query, key, 0.3, **given).item(), rel=1e-12)
    assert masked != pytest.approx(_pairs.ours(query, key, 0.3).item(), rel=1e-6)


def test_a_lost_gradient_is_told_from_a_right_one():
    right = bench.rightness(_pairs.ours, torch.float64, 0.01)
    assert right.row < 1e-12 and right.whole < 1e-13 and right.lost == 0
    gone = bench.rightness(lambda q, k, tau: 0 * _pairs.ours(q, k, tau), torch.float32, 0.01)
    assert (gone.row, gone.whole, gone.lost) == (1, 1, 1)


def test_a_step_starts_from_no_gradient():
    query, key = _pairs.pairs(8)
    _pairs.step(_pairs.ours, query, key, 0.3)
    first = query.grad
    _pairs.step(_pairs.ours, query, key, 0.3)
    assert first is not None and query.grad is not first and torch.equal(first, query.grad)


def test_every_row_has_readings_and_fits_the_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name, size in (("LARGE", 64), ("MEDIUM", 32), ("SMALL", 64)):
        monkeypatch.setattr(bench, name, size)
    monkeypatch.setattr(bench, "peak_bytes", lambda work, *arguments: work(*arguments) or 10**6)
    monkeypatch.setattr(_record, "RECORDS", tmp_path)
    rows = bench.measure()["cpu"]
    assert {row.unit for row in rows} == {"s", "MB", "relative error"}
    assert all(row.ours and row.theirs and row.ratio is not None for row in rows)
    goals = [(row.unit, row.goal) for row in rows if row.goal is not None]
    plain, streaming = [("s", 1), ("MB", 8)], [("s", 1), ("MB", 1)]
    assert goals == plain + streaming + plain
    assert _record.load(_record.save("losses", rows))[1] == rows
