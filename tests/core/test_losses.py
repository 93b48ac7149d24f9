"""Losses against 50-digit references, their invariances, gradients, half precision and refusals."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from refusals import assert_refused
from torch import Tensor

from nslab.losses import (
    bpr_loss,
    debiased_info_nce,
    decoupled_info_nce,
    info_nce,
    info_nce_in_batch,
    nce_loss,
    sgns_loss,
    sup_con_loss,
    triplet_loss,
)
from nslab.mining import mine_triplets

F64 = torch.float64
cosines = st.floats(-1, 1, allow_subnormal=False)
temperatures = st.sampled_from([1e-3, 0.01, 0.05, 0.07, 0.3, 1.0, 30.0, 1e3])
batches = st.integers(1, 8).flatmap(
    lambda k: st.lists(st.lists(cosines, min_size=k + 1, max_size=k + 1), min_size=1, max_size=4)
)


@pytest.fixture(autouse=True, scope="module")
def fifty_digits():
    with mpmath.workdps(50):
        yield


def split(rows: list[list[float]], dtype: torch.dtype = F64) -> tuple[Tensor, Tensor]:
    scores = torch.tensor(rows, dtype=dtype)
    return scores[:, 0], scores[:, 1:]


def exact(values) -> list[mpmath.mpf]:
    return [mpmath.mpf(float(v)) for v in values]


def softplus(x: mpmath.mpf) -> mpmath.mpf:
    return mpmath.log1p(mpmath.exp(x))


def ref_info_nce(pos, neg, tau, log_q_pos=0.0, log_q_neg=None):
    tau, pos, log_q_pos = exact([tau, pos, log_q_pos])
    neg, log_q_neg = exact(neg), exact(log_q_neg if log_q_neg is not None else [0.0] * len(neg))
    top = pos / tau - log_q_pos
    return mpmath.log1p(sum(mpmath.exp(s / tau - q - top) for s, q in zip(neg, log_q_neg, strict=True)))


def close(got: Tensor, want, rel: float = 1e-12, abs: float = 0.0) -> None:
    want = [float(w) for w in want]
    assert got.tolist() == pytest.approx(want, rel=rel, abs=abs)


# InfoNCE ---------------------------------------------------------------------------------------------------


def test_a_tiny_loss_is_not_zero():
    want = float(mpmath.log1p(mpmath.exp(mpmath.mpf(-2) / mpmath.mpf(0.05))))
    got = info_nce(1.0, [-1.0], temperature=0.05).item()
    assert got == pytest.approx(want, rel=1e-12) and f"{got:.3e}" == "4.248e-18"
    in_batch = info_nce_in_batch([[1.0], [-1.0]], [[1.0], [-1.0]], temperature=0.05, reduction="none")
    close(in_batch, [want, want])


@given(batches, temperatures)
def test_info_nce_equals_the_reference(rows, tau):
    pos, neg = split(rows)
    got = info_nce(pos, neg, temperature=tau, reduction="none")
    # An ulp of a gap of 2/τ moves a tiny loss by 2e-16 · 2/τ of itself; log1p keeps everything else.
    close(got, [ref_info_nce(p, n, tau) for p, n in zip(pos, neg, strict=True)], rel=1e-12 + 1e-15 / tau)


@pytest.mark.parametrize("gap", [-60.0, -20.5, -19.5, -1.0, 0.0, 1.0, 19.5, 20.5, 39.9, 40.1, 700.0])
def test_softplus_keeps_twelve_digits_on_both_sides_of_every_switch(gap):
    close(info_nce(0.0, [gap], temperature=1.0).reshape(1), [softplus(mpmath.mpf(gap))])


@given(batches, temperatures, st.data())
def test_log_q_corrects_every_logit(rows, tau, data):
    pos, neg = split(rows)
    logs = st.floats(-20, 0)
    log_q_pos = torch.tensor(data.draw(st.lists(logs, min_size=len(pos), max_size=len(pos))), dtype=F64)
    log_q_neg = torch.tensor(
        data.draw(st.lists(logs, min_size=neg.shape[1], max_size=neg.shape[1])), dtype=F64
    )
    got = info_nce(pos, neg, temperature=tau, log_q_pos=log_q_pos, log_q_neg=log_q_neg, reduction="none")
    want = [ref_info_nce(p, n, tau, q, log_q_neg) for p, n, q in zip(pos, neg, log_q_pos, strict=True)]
    close(got, want, rel=1e-11 + 1e-15 / tau)


def test_a_constant_log_q_changes_nothing():
    pos, neg = torch.tensor([0.3, 0.1], dtype=F64), torch.tensor([[0.2, 0.5], [0.0, -0.5]], dtype=F64)
    corrected = info_nce(pos, neg, log_q_pos=-7.0, log_q_neg=-7.0, reduction="none")
    close(corrected, info_nce(pos, neg, reduction="none").tolist())


dyadic = st.integers(-64, 64).map(lambda i: i / 64)


@given(st.lists(dyadic, min_size=2, max_size=6), dyadic)
@pytest.mark.parametrize("loss", [info_nce, decoupled_info_nce, bpr_loss])
def test_shift_invariance_is_exact_where_the_shift_is(loss, scores, shift):
    scores = torch.tensor(scores, dtype=F64)
    assert torch.equal(loss(scores[0], scores[1:]), loss(scores[0] + shift, scores[1:] + shift))


def test_sgns_is_not_shift_invariant():
    assert sgns_loss(0.0, [0.0]) != sgns_loss(1.0, [1.0])


@given(batches, temperatures)
def test_forces_balance_and_equal_the_softmax_weights(rows, tau):
    pos, neg = (t.requires_grad_() for t in split(rows))
    to_pos, to_neg = torch.autograd.grad(info_nce(pos, neg, temperature=tau, reduction="sum"), (pos, neg))
    assert torch.isfinite(to_pos).all() and torch.isfinite(to_neg).all()
    assert (to_pos + to_neg.sum(-1)).abs().max() * tau < 1e-12
    weights = torch.cat([pos[:, None], neg], 1).div(tau).softmax(-1)
    assert torch.allclose(to_neg * tau, weights[:, 1:], rtol=1e-9, atol=1e-15)


def test_gradients_of_every_loss_match_finite_differences():
    generator = torch.Generator().manual_seed(3)
    pos, neg, other = (torch.rand(s, dtype=F64, generator=generator) for s in [(3,), (3, 4), (3, 4)])
    tau = torch.tensor(0.4, dtype=F64)
    args = [t.requires_grad_() for t in (pos, neg, tau)]
    check = torch.autograd.gradcheck
    assert check(lambda p, n, t: info_nce(p, n, temperature=t), args)
    assert check(lambda p, n, t: decoupled_info_nce(p, n, temperature=t), args)
    assert check(lambda p, n, t: debiased_info_nce(p, n, temperature=t, positive_rate=0.1), args)
    assert check(sgns_loss, args[:2]) and check(bpr_loss, args[:2]) and check(triplet_loss, args[:2])
    assert check(lambda p, n, q: nce_loss(p, n, -1.0, q), [*args[:2], other.requires_grad_()])
    assert check(lambda q, k, t: info_nce_in_batch(q, k, temperature=t, symmetric=True), [neg, other, tau])


@given(batches, temperatures)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_computed_in_float32(dtype, rows, tau):
    pos, neg = (t.requires_grad_() for t in split(rows, dtype))
    loss = info_nce(pos, neg, temperature=tau, reduction="none")
    wide_pos, wide_neg = (t.detach().float().requires_grad_() for t in (pos, neg))
    wide = info_nce(wide_pos, wide_neg, temperature=tau, reduction="none")
    assert loss.dtype == dtype and torch.isfinite(loss).all()
    last_digit = torch.finfo(dtype).eps, torch.finfo(dtype).smallest_normal  # rounded once, from float32
    torch.testing.assert_close(loss, wide.to(dtype), rtol=last_digit[0], atol=last_digit[1])
    loss.float().sum().backward()
    wide.sum().backward()
    for narrow, full in ((pos, wide_pos), (neg, wide_neg)):
        assert narrow.grad is not None and full.grad is not None
        rounding = torch.finfo(dtype).eps
        assert torch.allclose(narrow.grad.float(), full.grad, rtol=4 * rounding, atol=rounding / tau)
    reference = info_nce(pos.detach().double(), neg.detach().double(), temperature=tau, reduction="none")
    assert torch.allclose(wide.double(), reference, rtol=1e-5 + 1e-6 / tau, atol=1e-30)


def test_inputs_keep_their_dtype_and_numbers_are_float64():
    assert info_nce(torch.zeros(2), torch.zeros(2, 3)).dtype == torch.float32
    assert info_nce(0, [0, 0]).dtype == F64
    assert info_nce(torch.zeros(2), torch.zeros(2, 3), log_q_pos=[0, 0], log_q_neg=[0]).dtype == torch.float32
    assert sgns_loss(torch.zeros(2).half(), torch.zeros(2, 3).half()).dtype == torch.float16


@pytest.mark.parametrize("loss", [info_nce, decoupled_info_nce, sgns_loss, bpr_loss])
def test_reductions(loss):
    pos, neg = (
        torch.tensor([[0.1, 0.2], [0.3, 0.9]]),
        torch.rand(2, 2, 5, generator=torch.Generator().manual_seed(0)),
    )
    each = loss(pos, neg, reduction="none")
    assert each.shape == (2, 2)
    assert torch.allclose(loss(pos, neg, reduction="sum"), each.sum())
    assert torch.allclose(loss(pos, neg), each.mean())


# Padded negatives ------------------------------------------------------------------------------------------

PADDING = [float("nan"), float("inf"), float("-inf"), 0.0, 1e30]


@st.composite
def padded(draw):
    """Scores (n, k + 1), a mask (n, k) that leaves each row a negative, and what stands in the padding."""
    rows = draw(batches)
    k = len(rows[0]) - 1
    kept = [draw(st.lists(st.booleans(), min_size=k, max_size=k).filter(any)) for _ in rows]
    return rows, kept, draw(st.sampled_from(PADDING))


@given(padded(), temperatures, st.booleans())
def test_padding_of_any_value_leaves_loss_and_gradients_those_of_the_rest(case, tau, corrected):
    rows, kept, filler = case
    mask = torch.tensor(kept)
    pos, neg = split(rows)
    log_q = torch.linspace(-9, -1, neg.numel(), dtype=F64).reshape(neg.shape) if corrected else None
    given = {
        "pos": pos.requires_grad_(),
        "neg": neg.where(mask, filler).requires_grad_(),
        "temperature": torch.tensor(tau, dtype=F64, requires_grad=True),
    }
    if log_q is not None:
        given["log_q_pos"] = torch.tensor(-3.0, dtype=F64, requires_grad=True)
        given["log_q_neg"] = log_q.where(mask, filler).requires_grad_()
    each = info_nce(**given, mask=mask, reduction="none")
    got = torch.autograd.grad(each.sum(), list(given.values()))
    assert all(gradient.isfinite().all() for gradient in got)
    assert (got[1][~mask] == 0).all() and (log_q is None or (got[4][~mask] == 0).all())

    want, forces = [], [torch.zeros_like(gradient) for gradient in got]
    for i, keep in enumerate(mask):
        row = {name: value for name, value in given.items() if name != "neg"}
        row |= {"pos": given["pos"][i], "neg": given["neg"][i, keep]}
        if log_q is not None:
            row["log_q_neg"] = given["log_q_neg"][i, keep]
        qs = (-3.0, log_q[i, keep]) if log_q is not None else ()
        want.append(ref_info_nce(pos[i].detach(), neg[i, keep], tau, *qs))
        loss = info_nce(**row)
        for total, one in zip(forces, torch.autograd.grad(loss, list(given.values())), strict=True):
            total += one
    close(each, want, rel=1e-11 + 1e-15 / tau)
    for a, b in zip(got, forces, strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-13 / tau**2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("tau", [1e-3, 0.07, 1e3])
@pytest.mark.parametrize("filler", PADDING[:3])
def test_padding_in_half_precision(dtype, tau, filler):
    pos, neg = split([[0.5, 0.25, -0.5, 0.75], [0.125, -1.0, 0.375, 1.0]], dtype)
    mask = torch.tensor([[True, True, False], [False, True, False]])
    given = [pos, neg.where(mask, filler), torch.tensor(tau)]
    pos, neg, temperature = (value.requires_grad_() for value in given)
    each = info_nce(pos, neg, temperature=temperature, mask=mask, reduction="none")
    each.sum().backward()
    want = [ref_info_nce(p.detach(), n.detach()[m], tau) for p, n, m in zip(pos, neg, mask, strict=True)]
    # Of the largest gap, 0.75/τ, float32 keeps the exponential to 1e-6/τ. The answer is rounded once more.
    close(each.float(), want, rel=2 * torch.finfo(dtype).eps + 1e-5 + 1e-6 / tau, abs=1e-30)
    for value in (pos, neg, temperature):
        assert value.grad is not None and value.grad.isfinite().all()
    assert neg.grad is not None and (neg.grad[~mask] == 0).all() and (neg.grad[mask] >= 0).all()


def test_a_mask_without_padding_changes_nothing():
    pos, neg = split([[0.5, 0.25, -0.5], [0.1, 0.9, 0.3]])
    masked = info_nce(pos, neg, mask=torch.ones(2, 2, dtype=torch.bool), reduction="none")
    close(masked, info_nce(pos, neg, reduction="none").tolist())
    assert info_nce(0.5, [0.25, float("nan")], mask=[True, False]) == pytest.approx(
        info_nce(0.5, [0.25]).item()
    )


# In the batch ----------------------------------------------------------------------------------------------


def slow_in_batch(scores: Tensor, tau: float, ids=None, log_q=None) -> list[mpmath.mpf]:
    """One direction, row by row, through the per-example reference."""
    size = len(scores)
    ids = list(range(size)) if ids is None else ids
    log_q = [0.0] * size if log_q is None else log_q
    losses = []
    for i in range(size):
        js = [j for j in range(size) if ids[j] != ids[i]]
        losses.append(ref_info_nce(scores[i, i], scores[i, js], tau, log_q[i], [log_q[j] for j in js]))
    return losses


@pytest.mark.parametrize("ids", [None, [4, 4, -1, 7, 4]])
@pytest.mark.parametrize("log_q", [None, [-1.0, -1.0, -3.0, -2.0, -1.0]])
@pytest.mark.parametrize("tau", [0.01, 0.1, 1.0])
def test_in_batch_equals_the_slow_loop(ids, log_q, tau):
    generator = torch.Generator().manual_seed(1)
    query, key = torch.randn(2, 5, 3, dtype=F64, generator=generator)
    scores = query @ key.T
    there, back = slow_in_batch(scores, tau, ids, log_q), slow_in_batch(scores.T, tau, ids, log_q)
    options = {"temperature": tau, "ids": ids, "log_q": log_q, "reduction": "none"}
    close(info_nce_in_batch(query, key, **options), there, rel=1e-11)
    both = [(a + b) / 2 for a, b in zip(there, back, strict=True)]
    close(info_nce_in_batch(query, key, symmetric=True, **options), both, rel=1e-11)


def test_masked_pairs_get_no_gradient():
    key = torch.eye(3, dtype=F64)
    query = torch.zeros(3, 3, dtype=F64, requires_grad=True)
    info_nce_in_batch(query, key, ids=[5, 5, 6]).backward()
    assert query.grad is not None and torch.isfinite(query.grad).all()
    assert query.grad[0, 1] == 0 and query.grad[0, 2] > 0


def test_in_batch_half_precision():
    query = torch.nn.functional.normalize(
        torch.randn(8, 4, generator=torch.Generator().manual_seed(2)), dim=1
    )
    half = query.half().requires_grad_()
    loss = info_nce_in_batch(half, half, temperature=1e-3)
    loss.backward()
    assert loss.dtype == torch.float16 and half.grad is not None and torch.isfinite(half.grad).all()
    wide = half.detach().float()
    torch.testing.assert_close(
        loss,
        info_nce_in_batch(wide, wide, temperature=1e-3).half(),
        rtol=torch.finfo(torch.float16).eps,
        atol=0,
    )


# Many positives --------------------------------------------------------------------------------------------


def ref_sup_con(embeddings, labels, tau) -> list[mpmath.mpf]:
    """Row by row from the definition; 0 for a row without a positive."""
    rows = [exact(row) for row in embeddings]
    losses = []
    for i, row in enumerate(rows):
        logit = {a: mpmath.fdot(row, rows[a]) / mpmath.mpf(tau) for a in range(len(rows)) if a != i}
        found = [
            mpmath.log1p(sum(mpmath.exp(logit[a] - logit[p]) for a in logit if a != p))
            for p in logit
            if labels[p] == labels[i]
        ]
        losses.append(sum(found) / len(found) if found else mpmath.mpf(0))
    return losses


def sphere(size: int, seed: int = 0, dim: int = 3) -> Tensor:
    x = torch.randn(size, dim, dtype=F64, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(x, dim=1)


@given(st.lists(st.integers(-1, 3), min_size=2, max_size=9), st.integers(0, 10**6), temperatures)
def test_sup_con_equals_the_reference(labels, seed, tau):
    z = sphere(len(labels), seed)
    if len(set(labels)) == len(labels):
        with pytest.raises(ValueError, match="positive"):
            sup_con_loss(z, labels, temperature=tau)
        return
    got = sup_con_loss(z, labels, temperature=tau, reduction="none")
    # Each score is off by some ulps of 1, so an exponential by some 1e-15/τ of itself.
    close(got, ref_sup_con(z, labels, tau), rel=1e-12 + 1e-14 / tau)
    paired = torch.tensor([labels.count(label) > 1 for label in labels])
    assert (got[~paired] == 0).all()
    close(sup_con_loss(z, labels, temperature=tau)[None], [got[paired].mean()], rel=1e-12)
    close(sup_con_loss(z, labels, temperature=tau, reduction="sum")[None], [got.sum()], rel=1e-12)


def test_sup_con_keeps_a_tiny_loss_and_its_floor():
    got = sup_con_loss([[1.0], [1.0], [-1.0]], [0, 0, 1], temperature=0.05, reduction="none")
    tiny = mpmath.log1p(mpmath.exp(mpmath.mpf(-2) / mpmath.mpf(0.05)))
    close(got, [tiny, tiny, 0])
    same = sup_con_loss([[1.0]] * 4 + [[-1.0]], [0, 0, 0, 0, 1], temperature=1e-3, reduction="none")
    close(same, [mpmath.log(3)] * 4 + [0])


@pytest.mark.parametrize("labels", [[0, 1, 0, 1, 1, 2], [5] * 6], ids=["a lone row", "one label"])
def test_sup_con_gradients(labels):
    z, tau = sphere(6).requires_grad_(), torch.tensor(0.4, dtype=F64, requires_grad=True)
    for reduction in ("mean", "none"):
        assert torch.autograd.gradcheck(
            lambda z, t, reduction=reduction: sup_con_loss(z, labels, temperature=t, reduction=reduction),
            [z, tau],
        )


def test_sup_con_of_pairs_is_info_nce_in_the_batch():
    a, b = sphere(5, 1), sphere(5, 2)
    views, other = torch.cat([a, b]), torch.cat([b, a])
    pairs = torch.arange(5).repeat(2)
    want = info_nce_in_batch(views, other, ids=pairs, temperature=0.2, reduction="none")
    close(sup_con_loss(views, pairs, temperature=0.2, reduction="none"), want.tolist())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("tau", [1e-3, 0.1, 1e3])
def test_sup_con_in_half_precision(dtype, tau):
    labels = [0, 1, 0, 1, 2]
    z = sphere(5).to(dtype).requires_grad_()
    got = sup_con_loss(z, labels, temperature=tau, reduction="none")
    got.float().sum().backward()
    assert got.dtype == dtype and z.grad is not None and z.grad.isfinite().all()
    want = ref_sup_con(z.detach().double(), labels, tau)
    close(got.float(), want, rel=torch.finfo(dtype).eps + 1e-5 + 1e-6 / tau, abs=1e-30)


# Debiased, decoupled, SGNS, NCE, BPR, triplet --------------------------------------------------------------


def ref_debiased(pos, neg, tau, rate):
    pos, tau, rate = exact([pos, tau, rate])
    mean = sum(mpmath.exp(s / tau) for s in exact(neg)) / len(neg)
    g = max((mean - rate * mpmath.exp(pos / tau)) / (1 - rate), mpmath.exp(-1 / tau))
    return mpmath.log1p(len(neg) * g / mpmath.exp(pos / tau))


@given(batches, temperatures, st.sampled_from([0.0, 0.01, 0.1, 0.5, 0.99]))
def test_debiased_equals_the_reference_with_finite_gradients(rows, tau, rate):
    pos, neg = (t.requires_grad_() for t in split(rows))
    got = debiased_info_nce(pos, neg, positive_rate=rate, temperature=tau, reduction="none")
    want = [ref_debiased(p, n, tau, rate) for p, n in zip(pos.detach(), neg.detach(), strict=True)]
    # Where mean and τ⁺ e^(s⁺/τ) nearly cancel, the loss is ill-conditioned: an absolute term allows for it.
    close(got, want, rel=1e-9 + 1e-14 / tau, abs=1e-12)
    got.sum().backward()
    assert pos.grad is not None and neg.grad is not None
    assert torch.isfinite(pos.grad).all() and torch.isfinite(neg.grad).all()


def test_debiased_without_false_negatives_is_info_nce_above_the_floor():
    pos, neg = torch.tensor([0.9, -0.2], dtype=F64), torch.tensor([[0.1, 0.3], [0.8, -1.0]], dtype=F64)
    for tau in (1e-3, 0.1, 5.0):
        close(
            debiased_info_nce(pos, neg, positive_rate=0, temperature=tau, reduction="none"),
            info_nce(pos, neg, temperature=tau, reduction="none").tolist(),
        )


@pytest.mark.parametrize("tau", [1e-3, 0.1])
def test_debiased_floor_stops_the_gradient_of_the_negatives(tau):
    neg = torch.tensor([0.1, 0.2], dtype=F64, requires_grad=True)
    debiased_info_nce(0.95, neg, positive_rate=0.5, temperature=tau).backward()
    assert torch.equal(neg.grad, torch.zeros(2, dtype=F64))


@given(batches, temperatures)
def test_decoupled_drops_the_positive_from_the_denominator(rows, tau):
    pos, neg = split(rows)
    got = decoupled_info_nce(pos, neg, temperature=tau, reduction="none")
    terms = [
        sum(mpmath.exp((s - p) / mpmath.mpf(tau)) for s in exact(n))
        for p, n in zip(exact(pos), neg, strict=True)
    ]
    close(got, [mpmath.log(t) for t in terms], rel=1e-12, abs=1e-13 + 1e-15 / tau)


@given(batches)
def test_sgns_and_bpr_equal_their_definitions(rows):
    pos, neg = split(rows)
    pairs = [(p, exact(n)) for p, n in zip(exact(pos), neg, strict=True)]
    close(sgns_loss(pos, neg, reduction="none"), [softplus(-p) + sum(map(softplus, n)) for p, n in pairs])
    close(bpr_loss(pos, neg, reduction="none"), [sum(softplus(s - p) for s in n) / len(n) for p, n in pairs])


@given(batches, batches)
def test_nce_is_logistic_regression_on_log_p_minus_log_kq(rows, other):
    pos, neg = split(rows)
    k, log_q = neg.shape[1], other[0][0]
    log_q_neg = torch.linspace(-3, 0, k, dtype=F64)
    got = nce_loss(pos, neg, log_q, log_q_neg, reduction="none")
    want = []
    for p, n in zip(exact(pos), neg, strict=True):
        logits = [s - q - mpmath.log(k) for s, q in zip(exact(n), exact(log_q_neg), strict=True)]
        want.append(softplus(-(p - mpmath.mpf(log_q) - mpmath.log(k))) + sum(map(softplus, logits)))
    close(got, want)


@given(st.lists(st.floats(0, 4), min_size=1, max_size=6), st.floats(0, 4), st.floats(0, 2))
def test_triplet_is_the_hinge(d_an, d_ap, margin):
    got = triplet_loss(d_ap, d_an, margin=margin, reduction="none")
    close(
        got, [max(mpmath.mpf(0), mpmath.mpf(d_ap) - n + mpmath.mpf(margin)) for n in exact(d_an)], abs=1e-15
    )
    assert triplet_loss(d_ap, d_an, margin=margin).item() == pytest.approx(got.mean().item())


def test_triplet_shapes_and_rounding_below_zero():
    assert triplet_loss([0.1, 0.2], [0.3, 0.4], reduction="none").shape == (2,)
    assert triplet_loss([0.1, 0.2], [[0.3], [0.4]], reduction="none").shape == (2, 1)
    assert triplet_loss(-1e-8, 1.0) == 0


@pytest.mark.parametrize(("d_ap", "d_an"), [((0,), (0,)), ((0,), (0, 4)), ((3,), (3, 0)), ((), (0,))])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, F64])
def test_the_loss_of_no_triplet_is_zero(d_ap, d_an, dtype):
    d_ap = torch.zeros(d_ap, dtype=dtype, requires_grad=True)
    d_an = torch.zeros(d_an, dtype=dtype, requires_grad=True)
    for reduction in ("mean", "sum"):
        loss = triplet_loss(d_ap, d_an, reduction=reduction)
        assert loss == 0 and loss.dtype == dtype
        loss.backward()
    each = triplet_loss(d_ap, d_an, reduction="none")
    assert each.shape == d_an.shape and each.requires_grad
    for distances in (d_ap, d_an):
        assert distances.grad is not None and (distances.grad == 0).all()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_batch_in_which_mining_finds_nothing_trains_nothing(reduction):
    embeddings = torch.eye(4, dtype=F64, requires_grad=True)
    d = torch.cdist(embeddings, embeddings)
    a, p, n = mine_triplets(d.detach(), [0, 1, 2, 3])
    triplet_loss(d[a, p], d[a, n], reduction=reduction).sum().backward()
    assert embeddings.grad is not None and (embeddings.grad == 0).all()


def test_temperature_can_be_learned():
    tau = torch.tensor(0.5, requires_grad=True)
    info_nce(torch.tensor([0.1]), torch.tensor([[0.3, 0.2]]), temperature=tau).backward()
    assert tau.grad is not None and tau.grad.abs() > 0


# Refusals --------------------------------------------------------------------------------------------------

nan, inf = float("nan"), float("inf")
eye = [[1.0, 0.0], [0.0, 1.0]]
P, N = [0.1, 0.2], [[0.3, 0.4], [0.5, 0.6]]
BAD = [
    (info_nce, (nan, [0.0]), {}, "pos", "nan"),
    (info_nce, (0.0, [0.0, inf]), {}, "neg", "inf"),
    (info_nce, (P, []), {}, "neg", "(0,)"),
    (info_nce, (P, [0.1, 0.2]), {}, "neg", "(2,)"),
    (info_nce, (P, 0.1), {}, "neg", "()"),
    (info_nce, ("a", [0.0]), {}, "pos", "'a'"),
    (info_nce, (True, [0.0]), {}, "pos", "bool"),
    (info_nce, (0.0, [1j]), {}, "neg", "1j"),
    (info_nce, (0.0, [0.0]), {"temperature": 0}, "temperature", "0.0"),
    (info_nce, (0.0, [0.0]), {"temperature": -0.1}, "temperature", "-0.1"),
    (info_nce, (0.0, [0.0]), {"temperature": nan}, "temperature", "nan"),
    (info_nce, (0.0, [0.0]), {"temperature": "0.1"}, "temperature", "'0.1'"),
    (info_nce, (0.0, [0.0]), {"temperature": [0.1]}, "temperature", "[0.1]"),
    (info_nce, (0.0, [1.0]), {"temperature": 1e-310}, "temperature", "1e-310"),
    (info_nce, (P, N), {"log_q_pos": [0.0, 0.0]}, "log_q_neg", "None"),
    (info_nce, (P, N), {"log_q_neg": [0.0, 0.0]}, "log_q_pos", "None"),
    (info_nce, (P, N), {"log_q_pos": [0.0] * 3, "log_q_neg": 0.0}, "log_q_pos", "(3,)"),
    (info_nce, (P, N), {"log_q_pos": 0.0, "log_q_neg": [0.0] * 3}, "log_q_neg", "(3,)"),
    (info_nce, (P, N), {"log_q_pos": 0.0, "log_q_neg": -inf}, "log_q_neg", "-inf"),
    (info_nce, (P, N), {"reduction": "avg"}, "reduction", "'avg'"),
    (info_nce, (P, N), {"mask": [True, False]}, "mask", "(2,)"),
    (info_nce, (P, N), {"mask": [[1, 0], [1, 1]]}, "mask", "int64"),
    (info_nce, (P, N), {"mask": [[True, True], [False, False]]}, "mask", "[1]"),
    (info_nce, (0.1, [0.1]), {"mask": [False]}, "mask", "False"),
    (info_nce, (P, N), {"mask": "all"}, "mask", "'all'"),
    (info_nce, (0.0, [0.0, nan]), {"mask": [True, True]}, "neg", "nan"),
    (info_nce, (nan, [0.0, nan]), {"mask": [True, False]}, "pos", "nan"),
    (
        info_nce,
        (0.0, [0.0, 0.0]),
        {"mask": [True, False], "log_q_pos": 0, "log_q_neg": [-inf, 0]},
        "log_q_neg",
        "-inf",
    ),
    (sup_con_loss, ([1.0, 0.0], [0, 0]), {}, "embeddings", "(2,)"),
    (sup_con_loss, ([[1.0, nan], [0.0, 1.0]], [0, 0]), {}, "embeddings", "nan"),
    (sup_con_loss, ([], []), {}, "embeddings", "(0,)"),
    (sup_con_loss, (eye, [0, 1]), {}, "labels", "2 different"),
    (sup_con_loss, (eye, [0, 1]), {}, "labels", "drop_last"),
    (sup_con_loss, (eye, [0, 0, 1]), {}, "labels", "(3,)"),
    (sup_con_loss, (eye, [0.0, 0.0]), {}, "labels", "float64"),
    (sup_con_loss, (eye, [0, 0]), {"temperature": 0.0}, "temperature", "0.0"),
    (sup_con_loss, ([[1e30], [-1e30]], [0, 0]), {"temperature": 1e-300}, "temperature", "1e-300"),
    (sup_con_loss, (eye, [0, 0]), {"reduction": "avg"}, "reduction", "'avg'"),
    (info_nce_in_batch, ([[1.0]], [[1.0]]), {}, "query", "(1, 1)"),
    (info_nce_in_batch, (eye, [[1.0], [0.0]]), {}, "key", "(2, 1)"),
    (info_nce_in_batch, (P, P), {}, "query", "(2,)"),
    (info_nce_in_batch, ([[nan, 0.0], [0.0, 1.0]], eye), {}, "query", "nan"),
    (info_nce_in_batch, (eye, [[inf, 0.0], [0.0, 1.0]]), {}, "key", "inf"),
    (info_nce_in_batch, (eye, eye), {"temperature": 0.0}, "temperature", "0.0"),
    (info_nce_in_batch, (eye, eye), {"ids": [1, 1]}, "ids", "1"),
    (info_nce_in_batch, (eye, eye), {"ids": [1, 2, 3]}, "ids", "(3,)"),
    (info_nce_in_batch, (eye, eye), {"ids": [0.5, 1.0]}, "ids", "float64"),
    (info_nce_in_batch, (eye, eye), {"log_q": [0.0]}, "log_q", "(1,)"),
    (info_nce_in_batch, (eye, eye), {"log_q": [0.0, nan]}, "log_q", "nan"),
    (info_nce_in_batch, (eye, eye), {"reduction": None}, "reduction", "None"),
    (info_nce_in_batch, (eye, eye), {"symmetric": "no"}, "symmetric", "'no'"),
    (debiased_info_nce, (P, N), {"positive_rate": 1.0}, "positive_rate", "1.0"),
    (debiased_info_nce, (P, N), {"positive_rate": -0.1}, "positive_rate", "-0.1"),
    (debiased_info_nce, (P, N), {"positive_rate": nan}, "positive_rate", "nan"),
    (debiased_info_nce, (P, N), {"positive_rate": 0.1, "temperature": 0}, "temperature", "0.0"),
    (debiased_info_nce, (P, [[nan]] * 2), {"positive_rate": 0.1}, "neg", "nan"),
    (decoupled_info_nce, (P, [[0.1]]), {}, "neg", "(1, 1)"),
    (decoupled_info_nce, (P, N), {"temperature": inf}, "temperature", "inf"),
    (decoupled_info_nce, (P, N), {"reduction": "max"}, "reduction", "'max'"),
    (sgns_loss, (nan, [0.1]), {}, "pos", "nan"),
    (sgns_loss, (P, [[nan], [0.1]]), {}, "neg", "nan"),
    (sgns_loss, (P, N), {"reduction": ""}, "reduction", "''"),
    (nce_loss, (nan, [0.1], 0.0, [0.0]), {}, "log_p_pos", "nan"),
    (nce_loss, (0.1, [nan], 0.0, [0.0]), {}, "log_p_neg", "nan"),
    (nce_loss, (0.1, [0.1], -inf, [0.0]), {}, "log_q_pos", "-inf"),
    (nce_loss, (0.1, [0.1], 0.0, [-inf]), {}, "log_q_neg", "-inf"),
    (nce_loss, (P, N, 0.0, [0.0] * 3), {}, "log_q_neg", "(3,)"),
    (nce_loss, (P, [0.1], 0.0, 0.0), {}, "log_p_neg", "(1,)"),
    (bpr_loss, (P, [[], []]), {}, "neg", "(2, 0)"),
    (bpr_loss, (inf, [0.1]), {}, "pos", "inf"),
    (bpr_loss, (P, N), {"reduction": "Mean"}, "reduction", "'Mean'"),
    (triplet_loss, (-0.5, [0.5]), {}, "d_ap", "-0.5"),
    (triplet_loss, (0.5, [-0.5]), {}, "d_an", "-0.5"),
    (triplet_loss, (nan, [0.5]), {}, "d_ap", "nan"),
    (triplet_loss, (P, [0.1, 0.2, 0.3]), {}, "d_an", "(3,)"),
    (triplet_loss, ([], [0.1]), {}, "d_an", "(1,)"),
    (triplet_loss, ([0.1], []), {}, "d_an", "(0,)"),
    (triplet_loss, ([], []), {"reduction": "average"}, "reduction", "'average'"),
    (triplet_loss, (0.1, [0.2]), {"margin": -0.1}, "margin", "-0.1"),
    (triplet_loss, (0.1, [0.2]), {"margin": nan}, "margin", "nan"),
    (triplet_loss, (0.1, [0.2]), {"reduction": 1}, "reduction", "1"),
    (
        triplet_loss,
        (0.1, [0.2]),
        {"reduction": np.array(["mean", "sum"])},
        "reduction",
        "array(['mean', 'sum']",
    ),
    (
        sup_con_loss,
        ([[1.0], [2.0]], [0, 0]),
        {"reduction": np.array(["none", "sum"])},
        "reduction",
        "array(['none'",
    ),
    (sgns_loss, (torch.eye(2).to_sparse(), N), {}, "pos", "torch.sparse_coo"),
    (sgns_loss, (torch.empty(2, device="meta"), N), {}, "pos", "meta"),
    (sgns_loss, (torch.zeros(2).to(torch.float8_e4m3fn), N), {}, "pos", "torch.float8_e4m3fn"),
    (info_nce, (P, N), {"temperature": torch.empty((), device="meta")}, "temperature", "meta"),
]


@pytest.mark.parametrize(("function", "args", "options", "name", "value"), BAD)
def test_bad_input_is_refused_by_name_and_value(function, args, options, name, value):
    assert_refused(name, value, function, *args, **options)
