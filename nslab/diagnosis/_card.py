"""A diagnosis as a card of HTML, in the colors of the page that shows it.

Each finding stands beside a small picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from nslab.diagnosis._advice import Finding, Numbers, findings, heading, number

Curves = dict[str, list[float]]

# Colors have the roles they have in the course's figures; all can be told from white and from black.
STYLE = """
.nslab-diagnosis { --positive: #009e73; --negative: #3c9fd6; --false: #cc79a7; --act: #d55e00; \
--look: #d08a00;
  color: var(--jp-content-font-color1, inherit); font-family: var(--jp-ui-font-family, system-ui, sans-serif);
  font-size: 14px; line-height: 1.45; max-width: 72em }
.nslab-diagnosis div.topics { display: grid; grid-template-columns: \
repeat(auto-fit, minmax(min(100%, 21em), 1fr)); gap: 1.2em 2em;
  align-items: start }
.nslab-diagnosis section { border-left: 3px solid var(--tone); padding-left: 0.9em; min-width: 0 }
.nslab-diagnosis p { margin: 0.4em 0 }
.nslab-diagnosis b + small { margin-left: 0.6em; border: 1px solid var(--tone); border-radius: 0.8em; \
padding: 0 0.6em }
.nslab-diagnosis figure { margin: 0.5em 0 }
.nslab-diagnosis svg { display: block; width: 100%; height: 72px; overflow: visible; \
border-bottom: 1px solid currentColor }
.nslab-diagnosis svg * { vector-effect: non-scaling-stroke }
.nslab-diagnosis figcaption { font-size: 12px; opacity: 0.85 }
.nslab-diagnosis figcaption div { display: flex; flex-wrap: wrap; justify-content: space-between; \
gap: 0 0.8em }
.nslab-diagnosis i { display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.3em; \
background: var(--role) }
"""  # fmt: skip
TONES = {"good": "var(--positive)", "look": "var(--look)", "act": "var(--act)", "ask": "currentColor"}
INK = "currentColor"


def card(n: Numbers, curves: Curves) -> str:
    """The whole diagnosis as one block of HTML."""
    body = "".join(
        _section(finding, PICTURES.get(finding.topic, _none)(n, curves)) for finding in findings(n)
    )
    return (
        f'<div class="nslab-diagnosis"><style>{STYLE}</style><p>{_prose(heading(n))}</p>'
        f'<div class="topics">{body}</div></div>'
    )


def _section(finding: Finding, picture: str) -> str:
    return (
        '<section style="--tone:'
        f' {TONES[finding.tone]}"><b>{escape(finding.topic)}</b><small>{finding.tone}</small>'
        f"{picture}<p>{_prose(finding.measured)}</p><p>{_prose('→ ' + finding.advice)}</p></section>"
    )


def _prose(text: str) -> str:
    """Escaped; a value stays on the line of its name and unit."""
    return escape(text).replace(" = ", "\u00a0=\u00a0").replace(" %", "\u00a0%")


def _none(n: Numbers, curves: Curves) -> str:
    return ""


def _scores(n: Numbers, curves: Curves) -> str:
    xs = [min(step, 40) / 40 for step in range(42)]  # the last bar goes down at its right end
    areas = [
        _path(xs, [0, *curves[f"{role}_bars"], 0], f"var(--{role})", fill=True)
        for role in ("negative", "positive")
    ]
    keys = (_key("negatives", "var(--negative)"), _key("positives", "var(--positive)"))
    return _figure(
        "Histograms of scores", "".join(areas), [number(end) for end in curves["score_ends"]], *keys
    )


def _count(n: Numbers, curves: Curves) -> str:
    if n["k"] == 1 or "log_taus" not in curves:
        return ""
    log_taus, top = curves["log_taus"], math.log(n["k"])
    here = (math.log(n["temperature"]) - log_taus[0]) / (log_taus[-1] - log_taus[0])
    body = _path(_places(log_taus), [count / top for count in curves["log_counts"]], "var(--negative)")
    body += _path([here, here], [0, 1], INK, dash=True) if 0 <= here <= 1 else ""
    ends = [f"τ = {number(math.exp(end))}" for end in (log_taus[0], log_taus[-1])]
    key = _key(f"how many count, from 1 to {number(n['k'])}; dashed: your τ", "var(--negative)")
    return _figure("Effective negatives over τ", body, ends, key)


def _false(n: Numbers, curves: Curves) -> str:
    if not n["false_share"]:
        return ""
    bars = [
        f'<rect x="0" y="{y}" width="{240 * share:.1f}" height="26" style="fill: var(--false); opacity:'
        f' {opacity}"/>'
        for y, share, opacity in ((5, n["false_share"], 0.6), (39, n["false_push"], 1))
    ]
    key = _key("false: above, of the negatives; below, of the push", "var(--false)")
    return _figure("Shares of false negatives", "".join(bars), ["0", "100 %"], key)


def _draws(n: Numbers, curves: Curves) -> str:
    xs = _places([math.log(k) for k in curves["ks"]])
    body = _path([0, 1], [0.95, 0.95], INK, dash=True)
    body += _path(xs, curves["chance_of_mean"], "var(--look)", dash=True)
    body += _path(xs, curves["chance"], "var(--positive)")
    keys = (_key("chance of a hard one", "var(--positive)"), _key("as the mean ρ promises", "var(--look)"))
    ends = ["K = 1", "dashed: 95 %", f"K = {number(curves['ks'][-1])}"]
    return _figure("Chance of a hard negative over K", body, ends, *keys)


PICTURES = {
    "Scores": _scores,
    "Negatives that count": _count,
    "False negatives": _false,
    "K for a hard negative": _draws,
}


def _places(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(value - low) / (high - low) for value in values]


def _path(
    xs: Sequence[float], ys: Sequence[float], color: str, *, fill: bool = False, dash: bool = False
) -> str:
    """A line, or the area under it, through points in the unit square."""
    points = " ".join(f"{240 * x:.1f},{72 - 70 * y:.1f}" for x, y in zip(xs, ys, strict=True))
    look = f"fill: {color}; fill-opacity: 0.55" if fill else f"fill: none; stroke: {color}; stroke-width: 2"
    return (
        f'<polyline points="{points}"'
        f' style="{look}{"; stroke-dasharray: 4 4; opacity: 0.8" if dash else ""}"/>'
    )


def _figure(words: str, body: str, ends: Sequence[str], *keys: str) -> str:
    rows = "".join(f"<div>{''.join(f'<span>{part}</span>' for part in row)}</div>" for row in (ends, keys))
    return (
        '<figure><svg viewBox="0 0 240 72" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(words)}">{body}</svg><figcaption>{rows}</figcaption></figure>'
    )


def _key(text: str, color: str) -> str:
    return f'<span><i style="--role: {color}"></i>{escape(text)}</span>'
