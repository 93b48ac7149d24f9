"""The streamed in-batch losses: the numbers of the plain forms, and never their (B, M) matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from nslab import _streaming, info_nce, info_nce_in_batch, sigmoid_loss

mpmath.mp.dps = 50
F64 = torch.float64
SIZE, DIM = 12, 5
nan, inf = float("nan"), float("inf")


@pytest.fixture(params=[1, 12 * 3, 12 * 5, 12 * 12], ids=["a row", "3 rows", "5 rows", "all rows"])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """5 rows do not divide 12, and a block holds one row at least."""
    monkeypatch.setattr(_streaming, "BLOCK", request.param)
    yield request.param


def random(*shape: int, seed: int = 5) -> Tensor:
    return torch.randn(shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


def learning(**values: Tensor) -> dict[str, Tensor]:
    return {name: value.clone().requires_grad_() for name, value in values.items()}


def inputs(keys: int = SIZE) -> dict[str, Tensor]:
    numbers = random((SIZE + keys) * DIM + keys)
    query, key, log_q = numbers.split([SIZE * DIM, keys * DIM, keys])
    return learning(
        query=query.view(SIZE, DIM),
        key=key.view(keys, DIM),
        temperature=torch.tensor(0.4, dtype=F64),
        log_q=log_q,
    )


def kept(size: int, keys: int, positives: Any = None, mask: Any = None, ids: Any = None) -> Tensor:
    """(B, M): which keys are negatives of each row, from the definition, pair by pair."""
    positives = list(range(size)) if positives is None else list(positives)
    return torch.tensor(
        [
            [
                j != c and (mask is None or bool(mask[i][j])) and (ids is None or ids[j] != ids[c])
                for j in range(keys)
            ]
            for i, c in enumerate(positives)
        ]
    )


def plain(
    query: Tensor,
    key: Tensor,
    temperature: Tensor | float,
    log_q: Tensor | float = 0.0,
    positives: Any = None,
    mask: Any = None,
    ids: Any = None,
    symmetric: bool = False,
) -> Tensor:
    """(B,): cross entropy on the whole matrix, as one would write it."""
    negatives = kept(len(query), len(key), positives, mask, ids)
    target = torch.arange(len(query)) if positives is None else torch.as_tensor(positives)
    used = negatives.scatter(1, target[:, None], True)
    logits = (query @ key.T / temperature - log_q).masked_fill(~used, -inf)
    there = F.cross_entropy(logits, target, reduction="none")
    if not symmetric:
        return there
    back = None if mask is None else torch.as_tensor(mask).T
    return (there + plain(key, query, temperature, log_q, None, back, ids)) / 2


def plain_sigmoid(
    query: Tensor, key: Tensor, temperature: Tensor | float, bias: Tensor | float, **options: Any
) -> Tensor:
    """(B,): the paper's sum over j, pair by pair."""
    negatives = kept(len(query), len(key), **options)
    target = options.get("positives")
    target = torch.arange(len(query)) if target is None else torch.as_tensor(target)
    logits = query @ key.T / temperature + bias
    yes = -F.logsigmoid(logits.gather(1, target[:, None])).squeeze(1)
    return yes - F.logsigmoid(-logits).masked_fill(~negatives, 0).sum(1)


def reduced(losses: Tensor, reduction: str) -> Tensor:
    return losses if reduction == "none" else getattr(losses, reduction)()


def with_gradients(loss: Tensor, values: dict[str, Tensor], seed: int = 6) -> list[Tensor]:
    """The loss and, for a random upstream gradient, the gradient of each value."""
    upstream = random(*loss.shape, seed=seed).to(loss.dtype)
    return [loss.detach(), *torch.autograd.grad(loss, list(values.values()), upstream)]


def agree(found: list[Tensor], right: list[Tensor], tolerance: float = 1e-12) -> None:
    for one, other in zip(found, right, strict=True):
        assert torch.allclose(one, other, rtol=tolerance, atol=tolerance)


# The numbers of the plain form -----------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [None, [3, 1, 3, 4, -9, 6, 1, 3, 8, 4, 10, 11]], ids=["no ids", "ids"])
@pytest.mark.parametrize("symmetric", [False, True], ids=["one way", "symmetric"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_loss_and_every_gradient_are_those_of_the_plain_form(block, ids, symmetric, reduction):
    values = inputs()
    loss = info_nce_in_batch(**values, ids=ids, symmetric=symmetric, reduction=reduction)
    want = reduced(plain(**values, ids=ids, symmetric=symmetric), reduction)
    agree(with_gradients(loss, values), with_gradients(want, values))


@st.composite
def batches(draw: st.DrawFn, *, lonely: bool) -> tuple[int, int, dict[str, Any]]:
    """B, M, and what says which keys are negatives; a row may have none only where `lonely`."""
    size = draw(st.integers(1, 6))
    keys = draw(st.integers(size if lonely else max(size, 2), 9))
    columns = st.integers(0, keys - 1)
    positives = draw(st.none() | st.lists(columns, min_size=size, max_size=size))
    ids = draw(st.none() | st.lists(st.integers(0, 4), min_size=keys, max_size=keys))
    bits = st.lists(st.booleans(), min_size=keys, max_size=keys)
    mask = draw(st.none() | st.lists(bits, min_size=size, max_size=size))
    if mask is not None:
        for i, row in enumerate(mask):
            row[i if positives is None else positives[i]] = True
    options = {"positives": positives, "mask": mask, "ids": ids}
    if not lonely and not kept(size, keys, **options).any(1).all():
        options = {"positives": positives, "mask": None, "ids": None}
    return size, keys, options


@settings(max_examples=60)
@given(batches(lonely=False), st.sampled_from(["mean", "sum", "none"]), st.integers(1, 40), st.booleans())
def test_any_mask_positives_and_ids_in_blocks_of_any_size(batch, reduction, scores, corrected):
    size, keys, options = batch
    values = learning(
        query=random(size, 3), key=random(keys, 3, seed=1), temperature=torch.tensor(0.3).to(F64)
    )
    if corrected:
        values |= learning(log_q=random(keys, seed=2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_streaming, "BLOCK", scores)
        found = with_gradients(info_nce_in_batch(**values, **options, reduction=reduction), values)
    agree(found, with_gradients(reduced(plain(**values, **options), reduction), values), 1e-11)


@settings(max_examples=60)
@given(batches(lonely=True), st.sampled_from(["mean", "sum", "none"]), st.integers(1, 40))
def test_any_batch_for_the_sigmoid_loss(batch, reduction, scores):
    size, keys, options = batch
    values = learning(
        query=random(size, 3),
        key=random(keys, 3, seed=1),
        temperature=torch.tensor(0.3).to(F64),
        bias=torch.tensor(-1.5).to(F64),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_streaming, "BLOCK", scores)
        found = with_gradients(sigmoid_loss(**values, **options, reduction=reduction), values)
    agree(found, with_gradients(reduced(plain_sigmoid(**values, **options), reduction), values), 1e-11)


def test_gradients_match_finite_differences(block):
    values = inputs()
    ids = torch.arange(SIZE) // 2

    def loss(query: Tensor, key: Tensor, temperature: Tensor, log_q: Tensor) -> Tensor:
        return info_nce_in_batch(query, key, temperature=temperature, log_q=log_q, ids=ids, reduction="none")

    def sigmoid(query: Tensor, key: Tensor, temperature: Tensor, bias: Tensor) -> Tensor:
        return sigmoid_loss(query, key, temperature=temperature, bias=bias, ids=ids)

    assert torch.autograd.gradcheck(loss, list(values.values()))
    bias = torch.tensor(-1.0, dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(sigmoid, [*list(values.values())[:3], bias])


def test_a_mask_is_transposed_for_the_way_back(block):
    values = inputs()
    mask = random(SIZE, SIZE, seed=8) > -0.5
    mask.fill_diagonal_(True)
    found = with_gradients(info_nce_in_batch(**values, mask=mask, symmetric=True), values)
    want = plain(**values, mask=mask, symmetric=True).mean()
    assert abs(want - plain(**values, symmetric=True).mean()) > 1e-3
    agree(found, with_gradients(want, values))


def test_the_keys_after_the_first_rows_are_hard_negatives_for_every_row(block):
    values = inputs(keys=SIZE + 7)
    found = info_nce_in_batch(values["query"], values["key"], temperature=0.4, reduction="none")
    scores = (values["query"] @ values["key"].T).detach()
    for i in range(SIZE):
        others = [j for j in range(SIZE + 7) if j != i]
        want = info_nce(scores[i, i], scores[i, others], temperature=0.4)
        assert found[i].item() == pytest.approx(want.item(), rel=1e-12)


def test_the_ranks_own_rows_against_gathered_keys_are_the_whole_batch():
    values = inputs()
    ids = torch.arange(SIZE) // 2
    ranks = [
        info_nce_in_batch(
            values["query"][start : start + 4],
            values["key"],
            temperature=values["temperature"],
            positives=start + torch.arange(4),
            ids=ids,
            log_q=values["log_q"],
        )
        for start in (0, 4, 8)
    ]
    whole = info_nce_in_batch(**values, ids=ids)
    agree(with_gradients(torch.stack(ranks).mean(), values), with_gradients(whole, values))


def test_one_query_needs_a_second_key_only():
    query, key = random(1, DIM), random(3, DIM, seed=1)
    scores = (query @ key.T)[0]
    found = info_nce_in_batch(query, key, temperature=0.5)
    assert found.item() == pytest.approx(info_nce(scores[0], scores[1:], temperature=0.5).item(), rel=1e-12)


def test_nt_xent_is_the_in_batch_loss_of_both_views_in_both_orders():
    """SimCLR: of 2n views, each has one positive, and every view but itself in the denominator."""
    a, b = random(2, 6, DIM)
    values = learning(a=a, b=b)

    def normalised(first: str, second: str) -> Tensor:
        return F.normalize(torch.cat([values[first], values[second]]), dim=1)

    views = normalised("a", "b")
    scores = (views @ views.T / 0.5).masked_fill(torch.eye(12, dtype=torch.bool), -inf)
    want = F.cross_entropy(scores, torch.arange(12).roll(6))
    ids = torch.arange(6).repeat(2)
    found = info_nce_in_batch(normalised("a", "b"), normalised("b", "a"), temperature=0.5, ids=ids)
    agree(with_gradients(found, values), with_gradients(want, values))


# References with 50 digits ---------------------------------------------------------------------------------


def exact_logits(query: Tensor, key: Tensor, temperature: float) -> list[list[mpmath.mpf]]:
    def numbers(row: Tensor) -> list[mpmath.mpf]:
        return [mpmath.mpf(x) for x in row.double().tolist()]

    tau = mpmath.mpf(temperature)
    return [[mpmath.fdot(numbers(q), numbers(k)) / tau for k in key] for q in query]


def exact_info_nce(logits: list[list[mpmath.mpf]]) -> tuple[list[mpmath.mpf], list[list[mpmath.mpf]]]:
    """Each row's loss and its derivative for each logit; the positive stands on the diagonal."""
    losses, forces = [], []
    for i, row in enumerate(logits):
        pushes = [mpmath.exp(x - row[i]) if j != i else mpmath.mpf(0) for j, x in enumerate(row)]
        total = mpmath.fsum(pushes)
        losses.append(mpmath.log1p(total))
        forces.append([push / (1 + total) for push in pushes])
        forces[-1][i] = -total / (1 + total)
    return losses, forces


def exact_sigmoid(logits: list[list[mpmath.mpf]]) -> tuple[list[mpmath.mpf], list[list[mpmath.mpf]]]:
    losses, forces = [], []
    for i, row in enumerate(logits):
        signed = [-x if j == i else x for j, x in enumerate(row)]
        losses.append(mpmath.fsum(mpmath.log1p(mpmath.exp(x)) for x in signed))
        forces.append([(-1 if j == i else 1) / (1 + mpmath.exp(-x)) for j, x in enumerate(signed)])
    return losses, forces


PRECISIONS = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("temperature", [1e-3, 0.07, 1.0, 1e3])
@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("reduction", ["sum", "none"])
@pytest.mark.parametrize("kind", ["info_nce", "sigmoid"])
def test_value_and_gradient_equal_the_reference_at_every_temperature(kind, dtype, temperature, reduction):
    query = F.normalize(random(4, 3), dim=1).to(dtype).requires_grad_()
    key = F.normalize(query.detach().double() + random(6, 3, seed=1)[:4] / 9, dim=1).to(dtype)
    key = torch.cat([key, F.normalize(random(2, 3, seed=2), dim=1).to(dtype)])
    logits = exact_logits(query.detach(), key, temperature)
    if kind == "info_nce":
        found = info_nce_in_batch(query, key, temperature=temperature, reduction=reduction)
        losses, forces = exact_info_nce(logits)
    else:
        found = sigmoid_loss(query, key, temperature=temperature, bias=-2.0, reduction=reduction)
        losses, forces = exact_sigmoid([[x - 2 for x in row] for row in logits])
    (gradient,) = torch.autograd.grad(found.double().sum(), query)

    # A dot product of 3 products below 1 is off by at most 4 ulp of the computing dtype, q/τ by 1: so is,
    # over τ, each logit, and a gap is the difference of two. An exponential is off by that much of itself,
    # and so is a tiny loss.
    computing = torch.float64 if dtype == F64 else torch.float32
    relative = 20 * torch.finfo(computing).eps * (1 + 1 / temperature) + 2 * torch.finfo(dtype).eps
    tiny = torch.finfo(dtype).tiny
    want = [mpmath.fsum(losses)] if reduction == "sum" else losses
    assert found.dtype == dtype and gradient.dtype == dtype
    for one, other in zip(found.detach().double().reshape(-1).tolist(), want, strict=True):
        assert abs(one - other) <= relative * other + tiny
    for i, row in enumerate(gradient.double().tolist()):
        for axis, one in enumerate(row):
            terms = [
                f * mpmath.mpf(k) / temperature
                for f, k in zip(forces[i], key[:, axis].double().tolist(), strict=True)
            ]
            assert (
                abs(one - mpmath.fsum(terms))
                <= 2 * relative * mpmath.fsum(map(abs, terms)) + tiny / temperature
            )


def test_a_tiny_loss_keeps_its_digits_and_its_gradient(block):
    unit = torch.eye(SIZE, dtype=F64) * 2 - 1 / SIZE
    query = unit.clone().requires_grad_()
    loss = info_nce_in_batch(query, unit, temperature=0.1)
    scores = unit @ unit.T
    gap = (scores[0, 1] - scores[0, 0]) / 0.1
    want = (SIZE - 1) * gap.exp()  # below 1e-16 the logarithm of 1 + x is x
    assert 0 < want < 1e-15 and loss.item() == pytest.approx(want.item(), rel=1e-12)
    loss.backward()
    assert query.grad is not None
    right = gap.exp() * (unit[1:].sum(0) - (SIZE - 1) * unit[0]) / 0.1 / SIZE
    assert torch.allclose(query.grad[0], right, rtol=1e-11, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_a_tiny_sigmoid_loss_keeps_its_digits(dtype):
    query = torch.tensor([[1.0], [-1.0]], dtype=dtype, requires_grad=True)
    loss = sigmoid_loss(query, query.detach(), temperature=0.025, bias=0.0, reduction="none")
    want = 2 * mpmath.log1p(mpmath.exp(-1 / mpmath.mpf(0.025)))  # one positive at 40, one negative at −40
    rounding = 50 * torch.finfo(dtype).eps
    assert [abs(x - want) < rounding * want for x in loss.tolist()] == [True, True]
    (gradient,) = torch.autograd.grad(loss.sum(), query)
    assert gradient[0].item() == pytest.approx(-float(want) / 0.025, rel=float(rounding))


def test_logits_near_and_far_from_0_take_two_ways_to_one_result(monkeypatch):
    values = inputs()
    near = with_gradients(info_nce_in_batch(**values, reduction="none"), values)
    monkeypatch.setattr(_streaming, "NEAR", 0.0)
    agree(with_gradients(info_nce_in_batch(**values, reduction="none"), values), near)


def test_the_bound_for_near_fits_float32():
    """The sum of 2²⁴ exponentials does not overflow in float32.

    What a mean of 2²⁴ rows scales them by does not underflow.
    """
    largest = torch.tensor(_streaming.NEAR).exp() * 2**24
    assert largest.isfinite() and 1 / (2 * largest) / 2**24 > torch.finfo(torch.float32).tiny


# Padding and refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rubbish", [nan, inf, -inf, 1e300])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_padding_of_any_value_poisons_nothing(block, rubbish, reduction):
    values = inputs(keys=SIZE + 2)
    padded = {name: value.detach().clone() for name, value in values.items()}
    padded["key"][-2:], padded["log_q"][-2:] = rubbish, rubbish
    padded = learning(**padded)
    mask = torch.ones(SIZE, SIZE + 2, dtype=torch.bool)
    mask[:, -2:] = False
    found = with_gradients(info_nce_in_batch(**padded, mask=mask, reduction=reduction), padded)
    short = learning(**values | {"key": values["key"].detach()[:-2], "log_q": values["log_q"].detach()[:-2]})
    loss, query, key, temperature, log_q = with_gradients(
        info_nce_in_batch(**short, reduction=reduction), short
    )
    zeros = torch.zeros(2, DIM, dtype=F64)
    agree(found, [loss, query, torch.cat([key, zeros]), temperature, torch.cat([log_q, zeros[:, 0]])])
    assert not found[2][-2:].any() and not found[4][-2:].any()


def test_padding_of_the_sigmoid_loss():
    key = torch.cat([random(4, DIM, seed=1), torch.full((1, DIM), nan)])
    mask = torch.ones(4, 5, dtype=torch.bool)
    mask[:, 4] = False
    values = learning(query=random(4, DIM), key=key, temperature=torch.tensor(0.3), bias=torch.tensor(-1.0))
    found = with_gradients(sigmoid_loss(**values, mask=mask), values)
    short = learning(**values | {"key": key[:4]})
    loss, query, key, temperature, bias = with_gradients(sigmoid_loss(**short), short)
    agree(found, [loss, query, F.pad(key, (0, 0, 0, 1)), temperature, bias], 1e-6)


def test_a_masked_pair_may_have_any_score_and_gets_no_gradient():
    """Its score overflows float32; the key is a plain negative of another row."""
    query, key = torch.eye(3, 4), torch.eye(3, 4)
    query[0, 3], key[1, 3] = 1e30, 1e30
    mask = torch.ones(3, 3, dtype=torch.bool)
    mask[0, 1] = False
    query.requires_grad_()
    loss = info_nce_in_batch(query, key, temperature=1.0, mask=mask, reduction="none")
    right = [mpmath.log1p(mpmath.exp(-1)), mpmath.log1p(2 * mpmath.exp(-1)), mpmath.log1p(2 * mpmath.exp(-1))]
    assert loss.tolist() == pytest.approx([float(x) for x in right], rel=1e-6)
    (gradient,) = torch.autograd.grad(loss[0], query)
    assert torch.isfinite(gradient).all() and gradient[0, 1] == 0 and gradient[0, 2] > 0


square, eye = [[True] * 3] * 3, [[1.0, 0.0], [0.0, 1.0]]
three = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
BOTH = [
    lambda *args, **options: sigmoid_loss(*args, **{"temperature": 1.0, "bias": 0.0} | options),
    info_nce_in_batch,
]
BAD_BATCHES = [
    ((three, eye), {}, "query", r"\(3, 2\)"),
    ((eye, [[1.0], [0.0]]), {}, "key", r"\(2, 1\)"),
    ((eye, [1.0, 0.0]), {}, "key", r"\(2,\)"),
    ((eye, [[nan, 0.0], [0.0, 1.0]]), {}, "key", "nan"),
    (([[inf, 0.0], [0.0, 1.0]], eye), {}, "query", "inf"),
    ((eye, three), {"positives": [0, 3]}, "positives", "3"),
    ((eye, three), {"positives": [0, -1]}, "positives", "-1"),
    ((eye, three), {"positives": [0, 1, 2]}, "positives", r"\(3,\)"),
    ((eye, three), {"positives": [0.0, 1.0]}, "positives", "float64"),
    ((eye, three), {"ids": [0, 1]}, "ids", r"\(2,\)"),
    ((eye, three), {"mask": [[True, True], [True, True]]}, "mask", r"\(2, 2\)"),
    ((eye, three), {"mask": [[1, 1, 1], [1, 1, 1]]}, "mask", "int64"),
    ((eye, three), {"mask": [[True] * 3, [True, False, True]]}, "mask", r"\[1, 1\]"),
    ((eye, three), {"mask": [[True] * 3] * 2, "positives": [0, 1], "temperature": 0}, "temperature", "0"),
    ((eye, [*eye, [nan, 0.0]]), {"mask": [[True] * 3, [True, True, False]]}, "key", r"nan at index \[2, 0\]"),
    (
        (eye, three),
        {"temperature": 1e-310},
        "temperature",
        "1e-310 overflows on scores of up to 1.0 in float64",
    ),
    ((eye, three), {"reduction": "all"}, "reduction", "'all'"),
]


@pytest.mark.parametrize("loss", BOTH, ids=["sigmoid", "info_nce"])
@pytest.mark.parametrize(("args", "options", "name", "value"), BAD_BATCHES)
def test_a_bad_batch_is_refused_by_name_and_value(loss, args, options, name, value):
    with pytest.raises((ValueError, TypeError), match=rf"(?s){name}.*{value}"):
        loss(*args, **options)


BAD_FOR_ONE = [
    ((three[:1], three[:1]), {}, r"query.*one pair.*\(1, 2\).*drop_last=True"),
    ((eye, eye), {"ids": [7, 7]},
        "ids must leave each row a negative, got none for row 0, whose item has id 7"),
    ((three, three), {"mask": [[True] * 3, [True] * 3, [False, False, True]]}, "mask .* got none for row 2"),
    ((three, three), {"ids": [0, 1, 1], "mask": [[True] * 3, [False, True, True], [True] * 3]},
        "mask and ids .* row 1"),
    ((three, three), {"symmetric": True, "mask": [[True, True, False]] * 2 + [[True] * 3]},
        "mask .* none for column 2"),
    ((eye, three), {"symmetric": True}, r"symmetric .*\(3, 2\)"),
    ((eye, eye), {"symmetric": True, "positives": [1, 0]}, "symmetric .* positives"),
    ((eye, three), {"log_q": [0.0, 0.0]}, r"log_q .*\(2,\)"),
    ((eye, three), {"log_q": [0.0, 0.0, nan]}, "log_q .* nan"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "options", "message"), BAD_FOR_ONE)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_what_only_info_nce_refuses(args, options, message, reduction):
    with pytest.raises(ValueError, match=message):
        info_nce_in_batch(*args, **options, reduction=reduction)


def test_a_row_without_negatives_is_found_where_logits_are_shifted_too(monkeypatch):
    monkeypatch.setattr(_streaming, "NEAR", 0.0)
    with pytest.raises(ValueError, match="ids must leave each row a negative"):
        info_nce_in_batch(eye, eye, ids=[7, 7])


@pytest.mark.parametrize(("options", "name"), [({"bias": nan}, "bias.*nan"), ({"bias": "0"}, "bias.*'0'")])
def test_a_bad_bias_is_refused(options, name):
    with pytest.raises((ValueError, TypeError), match=name):
        sigmoid_loss(eye, eye, temperature=1.0, **options)


def test_what_is_infinite_only_in_the_dtype_of_the_embeddings_is_refused_by_its_own_name():
    narrow = torch.eye(2)
    with pytest.raises(ValueError, match=r"bias must be finite in torch.float32, got 1e\+300"):
        sigmoid_loss(narrow, narrow, temperature=1.0, bias=1e300)
    with pytest.raises(
        ValueError, match=r"log_q must be finite in torch.float32, got 1e\+300 at index \[1\]"
    ):
        info_nce_in_batch(narrow, narrow, log_q=[0.0, 1e300])


def test_the_sigmoid_loss_of_one_pair_is_its_positive_term():
    assert sigmoid_loss([[2.0]], [[3.0]], temperature=2.0, bias=-1.0).item() == pytest.approx(
        float(mpmath.log1p(mpmath.exp(-2))), rel=1e-14
    )


def test_overflow_in_a_late_block_names_the_temperature(block):
    key = torch.eye(SIZE)
    query = torch.zeros(SIZE, SIZE)
    query[-1, 0] = 8.0
    with pytest.raises(ValueError, match=r"temperature 1e-38 overflows on scores of up to 8\.0 in float32"):
        info_nce_in_batch(query, key, temperature=1e-38)
    with pytest.raises(ValueError, match=r"temperature 1e-38 overflows on scores of up to 8\.0 in float32"):
        info_nce_in_batch(query.roll(-1, 1), key, temperature=1e-38)  # the positive overflows
    assert torch.isfinite(info_nce_in_batch(query, key, temperature=1e-37))
    with pytest.raises(ValueError, match=r"temperature 1e-50 overflows"):  # 0 in float32
        info_nce_in_batch(query * 0, key, temperature=1e-50)


# Precision, gradients and memory ---------------------------------------------------------------------------


@pytest.mark.parametrize("learns", ["query", "key", "temperature", "log_q"])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_one_may_learn_where_the_others_are_fixed(learns, reduction):
    values = inputs()
    want = dict(
        zip(values, with_gradients(info_nce_in_batch(**values, reduction=reduction), values)[1:], strict=True)
    )
    fixed = {name: value if name == learns else value.detach() for name, value in values.items()}
    loss = info_nce_in_batch(**fixed, reduction=reduction)
    agree(with_gradients(loss, {learns: fixed[learns]})[1:], [want[learns]])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_autocast_compute_in_float32(block, dtype):
    half = learning(**{name: value.detach().to(dtype) for name, value in inputs().items()})
    wide = learning(**{name: value.detach().float() for name, value in half.items()})
    right = torch.autograd.grad(info_nce_in_batch(**wide), list(wide.values()))
    loss = info_nce_in_batch(**half)
    assert loss.dtype == dtype
    last_digit = torch.finfo(dtype).eps  # rounded once
    torch.testing.assert_close(loss, info_nce_in_batch(**wide).to(dtype), rtol=last_digit, atol=0)
    for found, want in zip(torch.autograd.grad(loss, list(half.values())), right, strict=True):
        # τ in half precision divides a query in float32 as τ in float32 does; its gradient is rounded on
        # the way.
        assert found.dtype == dtype and torch.allclose(found, want.to(dtype), rtol=2 * torch.finfo(dtype).eps)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = torch.autograd.grad(info_nce_in_batch(**wide), list(wide.values()))
    for found, want in zip(cast, right, strict=True):  # float32's digits, not the two or three of bfloat16
        torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-6)


def test_temperature_may_have_a_dtype_of_its_own():
    values = inputs()
    single = learning(**{name: value.detach().float() for name, value in values.items()})
    mixed = single | {"temperature": values["temperature"], "log_q": values["log_q"]}
    loss = info_nce_in_batch(**mixed)
    found = torch.autograd.grad(loss, list(mixed.values()))
    want = torch.autograd.grad(info_nce_in_batch(**values), list(values.values()))
    assert loss.dtype == torch.float32
    for one, name, right in zip(found, mixed, want, strict=True):
        assert one.dtype == mixed[name].dtype and torch.allclose(one.double(), right, rtol=1e-4, atol=1e-6)


def test_a_log_q_of_fewer_digits_is_not_rounded_again():
    values = {name: value.detach() for name, value in inputs().items()}
    for dtype in (torch.float32, torch.float16):
        log_q = values["log_q"].to(dtype)
        found = info_nce_in_batch(**values | {"log_q": log_q}, reduction="none")
        want = info_nce_in_batch(**values | {"log_q": log_q.double()}, reduction="none")
        torch.testing.assert_close(found, want, rtol=1e-13, atol=0)


LOSSES: list[Callable[..., Tensor]] = [
    info_nce_in_batch,
    lambda *args, **options: sigmoid_loss(*args, bias=-1.0, **options),
]


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("loss", LOSSES, ids=["info_nce", "sigmoid"])
def test_a_graph_that_is_kept_gives_its_gradient_again_and_no_second_derivative(loss, reduction):
    query, key = learning(query=random(4, DIM), key=random(4, DIM, seed=1)).values()
    result = loss(query, key, temperature=0.5, reduction=reduction).sum()
    first = torch.autograd.grad(result, [query, key], retain_graph=True)
    tripled = torch.autograd.grad(3 * result, [query, key], retain_graph=True)
    agree([3 * x for x in first], list(tripled))
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(result, query, create_graph=True)


class Watch(TorchDispatchMode):
    """Counts the operations, and remembers the size of the largest tensor they returned."""

    def __init__(self) -> None:
        super().__init__()
        self.entries, self.calls = 0, Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.calls[func.overloadpacket.__name__.strip("_")] += 1
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, Tensor):
                self.entries = max(self.entries, tensor.numel())
        return result

    @property
    def products(self) -> int:
        return self.calls["mm"] + self.calls["addmm"]


@pytest.mark.parametrize("loss", LOSSES, ids=["info_nce", "sigmoid"])
def test_the_whole_matrix_is_never_made(monkeypatch, loss):
    monkeypatch.setattr(_streaming, "BLOCK", 8 * 256)
    query, key = learning(query=random(256, 4), key=random(256, 4, seed=1)).values()
    options: dict[str, Any] = {"ids": torch.arange(256) // 2}
    if loss is info_nce_in_batch:
        options |= {"log_q": torch.rand(256).log(), "symmetric": True}
    for chosen in (
        {},
        options,
        options | {"reduction": "none"},
        {"mask": torch.ones(256, 256, dtype=torch.bool)},
    ):
        with Watch() as seen:
            loss(query, key, temperature=0.5, **chosen).sum().backward()
        assert seen.entries == 8 * 256
    with Watch() as seen:
        F.cross_entropy(query @ key.T, torch.arange(256)).backward()
    assert seen.entries == 256 * 256


@pytest.mark.parametrize("loss", LOSSES, ids=["info_nce", "sigmoid"])
def test_no_matrix_product_is_made_in_vain(monkeypatch, loss):
    """Scores are one product a block, the gradient of query another, that of key a third."""
    monkeypatch.setattr(_streaming, "BLOCK", 4 * 8)
    query, key = learning(query=random(8, 3), key=random(8, 3, seed=1)).values()

    def products(query: Tensor, key: Tensor, reduction: str = "mean") -> int:
        with Watch() as seen:
            result = loss(query, key, temperature=0.5, reduction=reduction)
            if result.requires_grad:
                result.sum().backward()
        return seen.products

    blocks = 2
    assert products(query, key) == 3 * blocks
    assert products(query.detach(), key) == products(query, key.detach()) == 2 * blocks
    assert products(query, key, "none") == 4 * blocks
    assert products(query.detach(), key.detach()) == blocks
    with torch.no_grad():
        assert products(query, key) == products(query, key, "none") == blocks
