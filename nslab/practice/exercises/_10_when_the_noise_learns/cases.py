"""Exercise 10: the inputs to try."""

from __future__ import annotations

import numpy as np

from nslab.practice._exercise import Case

MODES = ("fixed", "stop", "logq_only", "measure", "full", "uncorrected")
PD = np.array([0.40, 0.25, 0.20, 0.10, 0.05])
UNIFORM = np.full(5, 0.2)
_FAR = "exp(800) is more than float64 can hold"


def _shares(rng: np.random.Generator, n: int) -> np.ndarray:
    """n probabilities, none of them small."""
    weights = rng.integers(2, 13, n)
    return weights / weights.sum()


def objective_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    two = np.array([0.5, 0.5])
    hole = "a state that is never drawn as noise is never pushed down: refuse it"
    edges = [
        Case((np.log(two), two, two, 1), "model, data and noise are equal: every G is 0"),
        Case((np.zeros(2), two, two, 3), "three draws of noise for each data point"),
        Case((np.log(PD), PD, UNIFORM, 3), "the model is right: J is as large as this noise lets it be"),
        Case((np.log(PD), PD, PD, 3), "noise like the data: the game is hardest"),
        Case((np.log(PD), PD, PD[::-1].copy(), 3), "noise unlike the data: the game is easy"),
        Case(
            (np.array([0.0, 1.0, 0.5]), np.array([0.7, 0.0, 0.3]), np.array([0.2, 0.5, 0.3]), 2),
            "a state that the data never show",
        ),
        Case((np.array([0.0, 32.0]), two, two, 1), "at G = 32, σ(−G) is small but not 0"),
        Case((np.array([33.0, -1.0]), two, two, 4), "at G = 33, σ(−G) is small but not 0"),
        Case((np.array([0.0, 800.0]), two, two, 1), _FAR),
        Case((np.array([-800.0, 0.0]), two, two, 3), _FAR),
        Case((np.array([800.0, -800.0]), two, two, 2), _FAR),
        Case((np.array([0.0, 0.0]), two, np.array([1.0, 0.0]), 1), hole),
        Case((np.log(PD), PD, np.array([0.5, 0.0, 0.2, 0.3, 0.0]), 3), hole),
        Case(
            (np.zeros(3), np.array([0.6, 0.4, 0.0]), np.array([0.3, 0.7, 0.0]), 2),
            "nothing visits state 2, neither data nor noise: its score is free, and that is refused",
        ),
    ]
    drawn = []
    for n in (2, 3, 3, 4, 5, 5, 6, 8):
        f = rng.normal(-2, 1.5, n).round(2)
        drawn.append(Case((f, _shares(rng, n), _shares(rng, n), int(rng.integers(2, 11)))))
    return edges + drawn


def gradient_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    right, own = np.log(PD), np.log(np.array([0.1, 0.3, 0.2, 0.25, 0.15]))
    rest = "the model is right: this gradient is 0"
    edges = [
        Case((right, "fixed", PD, 3, 2.0), rest),
        Case((right, "stop", PD, 3, 2.0), rest),
        Case((right, "logq_only", PD, 3, 2.0), rest),
        Case((right, "measure", PD, 3, 2.0), "the model is right, and still the draws pull it away"),
        Case((right, "full", PD, 3, 2.0), "the model is right, and still the draws pull it away"),
        Case((right, "uncorrected", PD, 3, 2.0), "the model is right, and nothing is subtracted"),
        Case((own, "stop", PD, 3, 1.0), "the model is its own noise: 3/4 of the likelihood's gradient"),
        Case((own, "logq_only", PD, 3, 1.0), "the model is its own noise and sums to 1: nothing moves"),
        Case((own, "full", PD, 3, 1.0), "the model is its own noise and sums to 1: nothing moves"),
        Case((own, "full", PD, 3, 2.0, 1.0), "u = 1: the noise stands still, whatever the mode"),
        Case((own, "measure", PD, 3, 1.0, 0.5), "half of the noise is uniform"),
        Case((own, "uncorrected", PD, 1, 0.5), "T below 1: the noise is sharper than the model"),
        Case(
            (np.array([-0.5, 1.0, 0.0]), "stop", np.array([0.7, 0.0, 0.3]), 2, 2.0),
            "a state that the data never show",
        ),
        Case((np.array([800.0, 0.0]), "fixed", np.array([0.5, 0.5]), 1, 1.0), _FAR),
        Case((np.array([0.0, 800.0, -800.0]), "fixed", np.array([0.5, 0.3, 0.2]), 3, 1.0), _FAR),
        Case((own, "frozen", PD, 3, 1.0), "there is no such mode"),
    ]
    by_hand = "two states: small enough for pencil and paper"
    edges += [Case((np.array([0.0, -1.0]), m, np.array([0.75, 0.25]), 2, 2.0), by_hand) for m in MODES[1:]]
    drawn = []
    for mode, count in zip(MODES, (1, 2, 2, 2, 2, 2), strict=True):
        for i in range(count):
            n = int(rng.integers(3, 6))
            f, T = rng.normal(-1.5, 1, n).round(2), float(rng.choice((0.5, 0.8, 1.5, 2.0, 3.0)))
            mixed = (0.25,) if i == 0 else ()
            drawn.append(Case((f, mode, _shares(rng, n), int(rng.integers(2, 8)), T, *mixed)))
    return edges + drawn


def rest_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    away = "the noise outruns the model, and nothing comes to rest"
    edges = [
        Case(("fixed", 1.0, PD, 3), "fixed noise: e^f ends at the data and sums to 1 by itself"),
        Case(("stop", 2.0, PD, 3), "moving noise, held in each step: the same end"),
        Case(("stop", 1.0, PD, 10)),
        Case(("stop", 0.5, PD, 3), "noise sharper than the model, held in each step"),
        Case(("logq_only", 2.0, PD, 3)),
        Case(("logq_only", 1.0, PD, 3), "at T = 1 every G is the same: the start is the end"),
        Case(("logq_only", 0.5, PD, 3), away),
        Case(("measure", 2.0, PD, 3)),
        Case(("measure", 1.0, PD, 3)),
        Case(("full", 2.0, PD, 3)),
        Case(("full", 1.0, PD, 3), "at T = 1 every G is the same: the start is the end"),
        Case(("full", 0.5, PD, 3), away),
        Case(("full", 1.0, PD, 3, 0.5), "half uniform, half the model"),
        Case(("uncorrected", 1.0, PD, 3), "a square root, and its sum is not 1"),
        Case(("uncorrected", 2.0, PD, 3)),
        Case(("uncorrected", 0.8, PD, 3)),
        Case(("uncorrected", 1.0, PD, 3, 1.0), "uniform noise: not subtracting costs only a factor"),
    ]
    drawn = []
    for mode in ("stop", "logq_only", "measure", "full", "uncorrected", "uncorrected"):
        T, k = round(float(rng.uniform(1.5, 4)), 1), int(rng.integers(2, 8))
        drawn.append(Case((mode, T, _shares(rng, int(rng.integers(3, 6))), k)))
    return [Case(case.args, case.about, atol=2e-5) for case in edges + drawn]


def verdict_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    below, above = round(float(rng.uniform(0.4, 0.7)), 2), rng.uniform(1.6, 4, 6).round(2).tolist()
    edges = [
        Case(("fixed", 1.0)),
        Case(("stop", 0.5), "q moves with every step, and is held in each"),
        Case(("stop", 1.0), "the model is its own noise"),
        Case(("stop", 2.0), "q moves with every step, and is held in each"),
        Case(("logq_only", 1.0), "G does not depend on the scores any more"),
        Case(("logq_only", 0.5), "the signal is multiplied by 1 − 1/T"),
        Case(("measure", 1.0), "where q is the data, no small move of q makes the game easier"),
        Case(("measure", 0.7)),
        Case(("measure", 1.1), "only at T = 1 itself does the path through the draws change nothing"),
        Case(("full", 0.9), "just below T = 1"),
        Case(("full", 1.0), "J is the same for every model that sums to 1"),
        Case(("full", 0.5)),
        Case(("uncorrected", 1.0), "the gradient is stopped, and nothing is subtracted"),
        Case(("uncorrected", 0.8), "the gradient is stopped, and nothing is subtracted"),
    ]
    return [*edges, Case(("logq_only", below)), *(Case((m, T)) for m, T in zip(MODES, above, strict=True))]


def family_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    place = np.arange(5) - 2.0
    bowl = np.stack([np.ones(5), place**2], 1)
    slope = np.stack([np.ones(5), place], 1)
    alone = "the family cannot express the data: the noise sets the compromise"
    edges = [
        Case((bowl, PD, UNIFORM, 3), alone),
        Case((bowl, PD, PD, 3), alone),
        Case((bowl, PD, PD[::-1].copy(), 3), alone),
        Case((bowl, PD, PD[::-1].copy(), 100), "many draws: the noise matters less"),
        Case((np.eye(5), PD, PD[::-1].copy(), 3), "a score for each state: any noise leads to the data"),
        Case((np.ones((5, 1)), PD, PD, 3), "one number for all states"),
    ]
    drawn = [Case((slope, _shares(rng, 5), _shares(rng, 5), int(rng.integers(2, 8)))) for _ in range(6)]
    return [Case(case.args, case.about, atol=1e-5) for case in edges + drawn]
