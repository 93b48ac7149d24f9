"""Chapter 10: its race against a race by hand, and what its prose claims.

The laboratory has tests of its own.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import approx_fprime, minimize

from nslab import datasets, info_nce, nce_gradient, nce_loss
from nslab.explain import NoiseRace
from nslab.explain.noise_race import ARMS, MODES, NEXT

P = np.array([0.40, 0.25, 0.20, 0.10, 0.05])


def softmax(s: np.ndarray) -> np.ndarray:
    weights = np.exp(s - s.max())
    return weights / weights.sum()


def objective(model: np.ndarray, log_q: np.ndarray, q: np.ndarray, k: int = 3) -> float:
    """J with the scores in G, the ln q that is subtracted and the noise that is drawn from kept apart."""
    logit = model - log_q - math.log(k)
    return float(P @ -np.logaddexp(0, -logit) + k * q @ -np.logaddexp(0, logit))


def by_hand(mode: str, temperature: float, steps: int) -> np.ndarray:
    """Probabilities after so many steps of size 1, on gradients by finite differences."""
    s = np.log(np.full(5, 0.2))
    for _ in range(steps):
        held = np.full(5, 0.2) if mode == "fixed" else softmax(s / temperature)

        def j(x: np.ndarray, held: np.ndarray = held) -> float:
            own = softmax(x / temperature)
            if mode == "full":
                return objective(x, np.log(own), own)
            if mode == "log_q_only":
                return objective(x, np.log(own), held)
            if mode == "measure":
                return objective(x, np.log(held), own)
            return objective(x, np.full(5, -math.log(3)) if mode == "uncorrected" else np.log(held), held)

        s = s + approx_fprime(s, j, 1e-7)
    return softmax(s)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_the_race_is_the_race_by_hand(mode: str, temperature: float) -> None:
    result = NoiseRace().at(step=12, temperature=temperature)
    expected = by_hand(mode, temperature, 12)
    assert result.standing[MODES.index(mode)] == pytest.approx(expected, abs=2e-5)
    assert result.distances[MODES.index(mode), 11] == pytest.approx(np.abs(expected - P).sum() / 2, abs=2e-5)


def test_a_temperature_off_the_grid_is_raced_too() -> None:
    between = NoiseRace().at(step=12, temperature=1.9)
    assert between.standing[MODES.index("full")] == pytest.approx(by_hand("full", 1.9, 12), abs=2e-5)


def test_who_reaches_the_data_and_who_levels_off() -> None:
    ends = NoiseRace().at(step=250, temperature=2.0).distances[:, -1]
    fixed, stopped, log_q, measure, uncorrected, full = ends
    assert max(fixed, stopped) < 1e-6 and log_q < 1e-3 and measure == pytest.approx(0.0474, abs=2e-4)
    assert uncorrected == pytest.approx(0.0745, abs=2e-4) and full == pytest.approx(0.081, abs=2e-4)


def test_through_ln_q_nothing_moves_at_temperature_one_and_all_runs_away_below() -> None:
    race = NoiseRace()
    still = race.at(step=250, temperature=1.0).standing[MODES.index("log_q_only")]
    assert still == pytest.approx(np.full(5, 0.2), abs=1e-9)
    away = race.at(step=250, temperature=0.5).distances
    assert all(away[MODES.index(mode), -1] > 0.5 for mode in ("log_q_only", "full"))
    assert away[MODES.index("stop_grad"), -1] < 0.01


def test_a_wire_that_is_cut_can_be_joined_again() -> None:
    for mode, ways in NEXT.items():
        for wire, other in ways.items():
            assert mode != other and wire in NEXT[other], (mode, wire)
    for wire in ("ln q", "draws"):
        assert all(NEXT[NEXT[mode][wire]][wire] == mode for mode in MODES if wire in NEXT[mode])


def test_a_click_says_what_it_changes() -> None:
    race = NoiseRace()
    words, tips = race.stage().marks["cuts"].words, race.stage().marks["cuts"].tips
    says = {}
    for wiring, mode in ARMS.items():
        cuts = race.scene(race.at(wiring=wiring))["cuts"]
        for other, x, which in zip(MODES, cuts["x"], cuts["which"], strict=True):
            if not np.isnan(x):
                says[mode, other] = (words[int(which)], tips[int(which)])
    assert says["full", "fixed"] == ("make q uniform", "the noise no longer comes from the model")
    assert says["fixed", "stop_grad"] == ("q = softmax(s/T)", "the noise comes from the model, and is held")
    assert says["full", "measure"] == ("✂ ln q", "no gradient runs back through ln q then")
    assert says["stop_grad", "uncorrected"] == ("drop ln(Kq)", "nothing is subtracted from the scores then")
    assert ("uncorrected", "fixed") not in says and ("full", "uncorrected") not in says, "two changes at once"


def test_the_trails_start_where_the_race_does() -> None:
    race = NoiseRace()
    assert race.stage().marks["trails"].x == pytest.approx([np.abs(P - 0.2).sum() / 2] * 6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 4.0])
def test_own_noise_held_and_subtracted_leads_to_the_data(temperature: float) -> None:
    assert NoiseRace().at(step=250, temperature=temperature).distances[MODES.index("stop_grad"), -1] < 1e-3


FAMILY = np.stack([np.ones(5), np.arange(-2, 3) ** 2], axis=1)


def compromise(q: np.ndarray, k: int) -> np.ndarray:
    """The best member of a family that cannot express the data.

    The solver does not use our gradient.
    """
    best = minimize(lambda t: -objective(FAMILY @ t, np.log(q), q, k), [-1.6, 0.0], method="Nelder-Mead",
                    options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 4000})  # fmt: skip
    return softmax(FAMILY @ best.x)


def likeliest() -> np.ndarray:
    best = minimize(lambda t: -float(P @ np.log(softmax(FAMILY @ [0, t[0]]))), [0.0], tol=1e-14)
    return softmax(FAMILY @ [0, best.x[0]])


def test_a_wrong_model_ends_where_its_noise_sends_it() -> None:
    ends = {name: compromise(q, 3)[0] for name, q in {"data": P, "reversed": P[::-1]}.items()}
    assert ends["data"] == pytest.approx(0.2503, abs=1e-4)
    assert ends["reversed"] == pytest.approx(0.1926, abs=1e-4)
    assert abs(compromise(P, 100)[0] - likeliest()[0]) < 0.1 * abs(ends["data"] - likeliest()[0])


@pytest.mark.parametrize("k", [3, 100])
def test_its_own_noise_sends_a_wrong_model_to_maximum_likelihood(k: int) -> None:
    theta, family = torch.tensor([-math.log(5), 0], dtype=torch.float64), torch.from_numpy(FAMILY).double()
    p_data = torch.from_numpy(P)
    for _ in range(800):
        theta = theta + 0.2 * family.T @ nce_gradient(
            family @ theta, p_data, lambda s: torch.softmax(s, -1), k
        )
    assert torch.softmax(family @ theta, 0).numpy() == pytest.approx(likeliest(), abs=1e-5)


def test_the_best_noise_is_not_the_data() -> None:
    def excess(q: np.ndarray) -> float:
        return float((P * (1 - P) / q).sum())

    free = minimize(lambda z: excess(softmax(z)), np.zeros(5), tol=1e-12)
    best = np.sqrt(P * (1 - P))
    assert softmax(free.x) == pytest.approx(best / best.sum(), abs=1e-4)
    assert excess(P) == pytest.approx(4)
    assert excess(best / best.sum()) < excess(np.full(5, 0.2)) < excess(P) < excess(P[::-1])


def test_no_number_of_negatives_reports_more_than_its_ceiling() -> None:
    def reported(k: int) -> float:
        repeats = np.random.default_rng(0).binomial(k, 1e-3, 200_000)
        return math.log(k + 1) - float(np.log1p(repeats).mean())

    bounds = [reported(k) for k in (1, 10, 100, 1000, 100_000)]
    assert bounds == pytest.approx([0.692, 2.391, 4.547, 6.335, 6.903], abs=0.005)
    assert max(bounds) < math.log(1000)


def test_a_known_noise_lifts_the_ceiling() -> None:
    """Copies of 1000 items, with one negative from 0.9 [y = x] + 0.1/1000.

    The score is the best, and ln(q/p) of the positive is added.
    """
    own = 0.9 + 1e-4
    loss = own * math.log(2)  # the negative repeats the positive, or is ruled out
    bound = math.log(2) - loss + math.log(own * 1000)
    assert bound == pytest.approx(6.872, abs=5e-4) and math.log(2) < bound < math.log(1000)


def test_the_bound_with_a_known_noise_holds_for_every_critic_and_every_known_noise() -> None:
    """I ≥ ln(K+1) − E L + E ln(q/p) with negatives from q(y|x); nearly all of it can be the known part."""
    generator = np.random.default_rng(0)
    joint = generator.dirichlet(np.ones(12)).reshape(3, 4)
    p_x, p_y = joint.sum(1, keepdims=True), joint.sum(0)
    information = float((joint * np.log(joint / (p_x * p_y))).sum())
    best = []
    for trial in range(30):
        q = generator.dirichlet(np.ones(4), size=3)
        critic = np.log(joint / p_x / q) if trial % 2 else generator.normal(size=(3, 4))
        loss = 0.0
        for x, y, a, b in np.ndindex(3, 4, 4, 4):  # two negatives
            logits = critic[x, [y, a, b]]
            loss += joint[x, y] * q[x, a] * q[x, b] * (np.log(np.exp(logits).sum()) - logits[0])
        best.append(math.log(3) - loss + float((joint * np.log(q / p_y)).sum()))
    assert max(best) <= information + 1e-12
    assert math.log((0.9 + 1e-4) * 1000) > 0.98 * math.log(1000), (
        "in the chapter's example it was put in by hand"
    )


def test_sampled_infonce_closes_the_gap_that_nce_leaves() -> None:
    """Own noise, held and subtracted on all logits.

    The model is linear: the digits' classes from four components.
    """
    images, labels = datasets.digit_embeddings(4)
    images = images.float()
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(0))
    train, test = order[:1200], order[1200:]

    def held_out(game: str) -> float:
        generator = torch.Generator().manual_seed(1)
        weight, bias = (
            torch.zeros(4, 10, requires_grad=True),
            torch.full((10,), -math.log(10)).requires_grad_(),
        )
        adam = torch.optim.Adam([weight, bias])
        for step in range(120):
            adam.param_groups[0]["lr"] = 0.3 * (1 - step / 120)
            rows = train[torch.randint(1200, (256,), generator=generator)]
            s, y = images[rows] @ weight + bias, labels[rows, None]
            log_q = s.detach().log_softmax(-1)
            ids = torch.multinomial(log_q.exp(), 5, True, generator=generator)
            pos, neg, q_pos, q_neg = (x.gather(-1, i) for x in (s, log_q) for i in (y, ids))
            if game == "full":
                loss = torch.nn.functional.cross_entropy(s, y[:, 0])
            elif game == "NCE":
                loss = nce_loss(pos[:, 0], neg, q_pos[:, 0], q_neg)
            else:
                loss = info_nce(pos[:, 0], neg, temperature=1.0, log_q_pos=q_pos[:, 0], log_q_neg=q_neg)
            adam.zero_grad()
            loss.backward()
            adam.step()
        return torch.nn.functional.cross_entropy(images[test] @ weight + bias, labels[test]).item()

    full, nce, infonce = (held_out(game) for game in ("full", "NCE", "InfoNCE"))
    assert abs(infonce - full) < 0.03 and nce - max(full, infonce) > 0.03


def test_the_race_opens_before_its_end() -> None:
    start = NoiseRace().at()
    assert (start.distances[:, start.step - 1] > 0.2).all(), (
        "at its start no arm has arrived, so the quiz is open"
    )
