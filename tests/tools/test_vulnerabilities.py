"""What pip-audit reports, against the dated exceptions; and the list of exceptions itself."""

from __future__ import annotations

import tomllib
from datetime import date

from tools.packages import vulnerabilities

TODAY = date(2026, 11, 26)
SOUND = {"name": "numpy", "version": "2", "vulns": []}
HOLED = {"name": "tar", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}


def excepted(until: date, name: str = "tar") -> list[dict[str, object]]:
    return [{"package": name, "id": "PYSEC-1", "until": until, "reason": "no archive is opened"}]


def test_sound_packages_are_no_problem() -> None:
    assert vulnerabilities.problems([SOUND], [], TODAY) == []


def test_a_vulnerability_is_told_with_the_version_that_mends_it() -> None:
    assert vulnerabilities.problems([SOUND, HOLED], [], TODAY) == ["tar: PYSEC-1, mended in 1.1"]
    unmended = HOLED | {"vulns": [{"id": "PYSEC-1", "fix_versions": []}]}
    assert vulnerabilities.problems([unmended], [], TODAY) == ["tar: PYSEC-1, mended in no version yet"]


def test_an_exception_holds_to_the_end_of_its_day() -> None:
    assert vulnerabilities.problems([HOLED], excepted(TODAY), TODAY) == []
    (late,) = vulnerabilities.problems([HOLED], excepted(date(2026, 11, 25)), TODAY)
    assert late == "tar: the exception for PYSEC-1 ended on 2026-11-25: no archive is opened"


def test_an_exception_for_nothing_is_told() -> None:
    assert vulnerabilities.problems([SOUND], excepted(TODAY), TODAY) == [
        "tar: PYSEC-1 is excepted, and not there"
    ]


def test_what_could_not_be_looked_up_is_told() -> None:
    lost = {"name": "nowhere", "skip_reason": "Dependency not found"}
    assert vulnerabilities.problems([lost], [], TODAY) == ["nowhere: not looked up: Dependency not found"]


def test_the_exceptions_are_dated_and_say_why() -> None:
    for entry in tomllib.loads(vulnerabilities.EXCEPTIONS.read_text(encoding="utf-8")).get("exception", []):
        assert isinstance(entry["until"], date) and entry["reason"] and entry["package"] and entry["id"]


def test_every_lock_is_looked_up() -> None:
    assert set(vulnerabilities.LOCKS) == {
        path.name for path in vulnerabilities.ROOT.glob("requirements*.lock")
    }
