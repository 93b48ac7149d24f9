"""What the browser tests share: one JupyterLab and one Chromium a worker, on a copy of the course."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tools.browser import live_lab

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "build" / "browser"
Open = Callable[[str], live_lab.Notebook]


def pytest_configure() -> None:
    try:
        live_lab.chromium()
    except FileNotFoundError as missing:
        raise pytest.UsageError(str(missing)) from None


@pytest.fixture(scope="session")
def browser() -> Iterator[BrowserContext]:
    with live_lab.browser() as context:
        yield context


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live_lab.Server]:
    course = tmp_path_factory.mktemp("course")
    for folder in ("notebooks", "exercises", "benchmarks"):  # two chapters read the bench's records
        shutil.copytree(ROOT / folder, course / folder)
    with live_lab.server(course) as running:
        yield running


@pytest.fixture
def open_notebook(browser: BrowserContext, server: live_lab.Server) -> Iterator[Open]:
    opened: list[live_lab.Notebook] = []

    def open_one(path: str) -> live_lab.Notebook:
        opened.append(live_lab.Notebook(browser, server.address(path)))
        return opened[-1]

    yield open_one
    for notebook in opened:
        notebook.close()


@pytest.fixture
def record() -> Callable[[str, Any], None]:
    """Keep what was measured: no test asks for a time, people do."""

    def keep(name: str, measured: Any) -> None:
        RECORDS.mkdir(parents=True, exist_ok=True)
        (RECORDS / f"{name}.json").write_text(json.dumps(measured, indent=1, ensure_ascii=False) + "\n")

    return keep
