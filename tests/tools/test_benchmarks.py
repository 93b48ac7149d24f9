"""The bench's arithmetic, its records on disk and the page made from them; what is timed is not tested."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import _clock, _record
from benchmarks._record import Row

RECORDS = sorted(_record.RECORDS.glob("*.json"))


def test_a_ratio_says_how_many_times_better_ours_is() -> None:
    seconds = Row("a step", "s", [1.0, 9.0, 2.0], "a peer", [8.0], goal=4.0)
    assert seconds.ratio == 4.0 and seconds.reached
    rate = Row("draws", "M/s", [100.0], "a peer", [40.0], goal=3.0, less=False)
    assert rate.ratio == 2.5 and rate.reached is False


def test_without_a_peer_the_goal_is_a_bound() -> None:
    assert Row("a step", "ms", [16.0], goal=16.0).reached
    assert Row("a drag", "frames/s", [44.0], goal=45.0, less=False).reached is False
    assert Row("a step", "ms", [16.0]).reached is None and Row("a step", "ms", [16.0]).ratio is None


def test_the_table_shows_medians_spread_and_what_was_missed() -> None:
    rows = [
        Row("a step", "s", [1.0, 9.0, 2.0], "a peer", [8.0], goal=5.0),
        Row("a jump", "ms", [80.0], goal=45.0, reason="a cold cache"),
        Row("a drag", "frames/s", [50.0], goal=45.0, less=False, note="digits", reason="a slow hand"),
    ]
    assert _record.table(rows).splitlines()[2:] == [
        "| a step | 2 (1–9) s | a peer | 8 s | 4× | ≥ 5×, missed |",
        "| a jump | 80 ms | – | – | – | ≤ 45 ms, missed: a cold cache |",
        "| a drag (digits) | 50 frames/s | – | – | – | ≥ 45 frames/s |",
    ]


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_record, "RECORDS", tmp_path)
    rows = [Row("a step", "s", [1.0, 2.0], "a peer", [8.0], goal=5.0), Row("β", "ms", [3.0])]
    record, found = _record.load(_record.save("losses", rows))
    assert found == rows and record["section"] == "losses"
    assert (
        re.fullmatch(r"\d{4}-\d\d-\d\d", record["date"]) and record["machine"] and record["versions"]["torch"]
    )
    assert "## losses" in _record.results() and "| β | 3 ms |" in _record.results()


def test_contestants_take_turns_and_the_first_round_does_not_count() -> None:
    reported: list[str] = []
    seconds = _clock.interleaved(
        {"a": lambda: reported.append("a"), "b": lambda: reported.append("b")}, rounds=2
    )
    assert reported == ["a", "b"] * 3 and {name: len(found) for name, found in seconds.items()} == {
        "a": 2,
        "b": 2,
    }


def test_rates_are_millions_a_second() -> None:
    assert _clock.rates([0.5, 2.0], 10**6) == [2.0, 0.5]


@pytest.mark.parametrize("name", [*bench.SECTIONS, *bench.ON_REQUEST])
def test_each_section_can_be_measured(name: str) -> None:
    """Read, not imported: the peers are installed for `make bench` only."""
    tree = ast.parse(Path(bench.__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))
    assert "measure" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_records_name_their_day_machine_and_versions(path: Path) -> None:
    record, rows = _record.load(path)
    assert (
        path.stem.rsplit("-", 1)[0] == record["section"]
        and record["section"] in bench.SECTIONS | bench.ON_REQUEST
    )
    assert (
        record["date"] and "cores" in record["machine"] and record["versions"].keys() >= {"torch", "python"}
    )
    assert rows and all(row.ours and min(row.ours) >= 0 for row in rows)


def test_the_page_is_the_one_that_the_records_give() -> None:
    assert _record.RECORDS.with_name("RESULTS.md").read_text(encoding="utf-8") == _record.results()
