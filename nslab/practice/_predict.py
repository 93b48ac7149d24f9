"""Predict before you look: a question whose answer is scored, and explained, only when it is revealed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from nslab.practice._cards import Card, Folded, Rows

_HERE = Path(__file__).parent
_scores: dict[str, bool] = {}


class Prediction(anywidget.AnyWidget):
    """A question on the page; `choice` holds the key of the option that was picked, or ""."""

    _esm = _HERE / "predict.js"
    _css = _HERE / "predict.css"
    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.Dict(per_key_traits=None).tag(sync=True)
    choice = traitlets.Unicode().tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        question: str,
        options: Mapping[str, str],
        answer: str | None,
        why: Mapping[str, str],
        choice: str,
    ) -> None:
        super().__init__(question=question, options=dict(options), choice=choice)
        self._answer, self._why = answer, dict(why)

    @traitlets.validate("choice")
    def _known_choice(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] and proposal["value"] not in self.options:
            raise ValueError(
                f"choice must be one of {', '.join(map(repr, self.options))}, got {proposal['value']!r}"
            )
        return proposal["value"]

    def reveal(self, answer: str | None = None, why: Mapping[str, str] | None = None) -> Card:
        """Score the choice, and explain every option that matters: the chosen one and the right one.

        Without a choice, the answer and the explanations are folded away, so that running all cells spoils
        no question.

        Args:
            answer: the key of the right option, unless `predict` was given it. Given here, the question's
                own cell does not show it.
            why: one explanation for each option, unless `predict` was given them.

        Returns:
            A card.

        Raises:
            ValueError: the answer is not an option, or an option has no explanation.
        """
        answer = _key(answer or self._answer, self.options)
        why = _explanations(why or self._why, self.options)
        self.revealed = bool(self.choice)
        if not self.choice:
            keys = [answer, *(key for key in self.options if key != answer)]
            rows = Rows(
                tuple((_mark(key, answer), f"{self.options[key]} · {why[key]}") for key in keys), prose=True
            )
            calm = "Choose one above and run this cell again, or open the answer."
            return Card("quiet", "You made no prediction", (calm, Folded("The answer and the reasons", rows)))
        right = self.choice == answer
        _scores[self.question] = right
        score = f"{sum(_scores.values())} of {len(_scores)} predictions right so far."
        keys = [answer] if right else [self.choice, answer]
        rows = Rows(
            tuple((_mark(key, answer), f"{self.options[key]} · {why[key]}") for key in keys), prose=True
        )
        if right:
            return Card("good", f"You chose {answer}, and that is right", (rows, score))
        return Card("trouble", f"You chose {self.choice}; the answer is {answer}", (rows, score))

    def __repr__(self) -> str:
        return repr(self._card())

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": repr(self), "text/html": self._card()._repr_html_()}, metadata

    def _card(self) -> Card:
        return Card("quiet", self.question, (Rows(tuple(self.options.items()), prose=True),))


def predict(
    question: str,
    options: Mapping[str, str],
    answer: str | None = None,
    why: Mapping[str, str] | None = None,
    *,
    choice: str | None = None,
) -> Prediction:
    """Ask for a prediction: an object for the cell's last line, whose `reveal()` is called further down.

    Args:
        question: what is asked.
        options: short keys and their texts, at least two.
        answer: the key of the right option; here or in `reveal`.
        why: one explanation for each option, the wrong ones too; here or in `reveal`.
        choice: a choice made in code. Usually the reader clicks.

    Returns:
        A `Prediction`, a widget.

    Raises:
        ValueError: there are fewer than two options, a key is not an option, or an option has no explanation.

    Example:
        >>> q = predict("Does H grow with τ?", {"a": "yes", "b": "no"})
        >>> q
        Does H grow with τ?
          a  yes
          b  no
        >>> q.choice = "b"
        >>> q.reveal("a", {"a": "Its slope is a variance.", "b": "A variance is never negative."}).title
        'You chose b; the answer is a'
    """
    if len(options) < 2:
        raise ValueError(f"options must hold at least two, got {dict(options)!r}")
    if answer is not None:
        _key(answer, options)
    if why is not None:
        _explanations(why, options)
    return Prediction(question, options, answer, why or {}, choice or "")


def _mark(key: str, answer: str) -> str:
    return f"{key} ✓" if key == answer else f"{key} ✗"


def _key(answer: str | None, options: Mapping[str, str]) -> str:
    if answer is None or answer not in options:
        raise ValueError(f"answer must be one of {', '.join(map(repr, options))}, got {answer!r}")
    return answer


def _explanations(why: Mapping[str, str], options: Mapping[str, str]) -> Mapping[str, str]:
    if set(why) != set(options):
        raise ValueError(
            f"why must explain each of {', '.join(map(repr, options))}, got"
            f" {', '.join(map(repr, why)) or 'none'}"
        )
    return why
