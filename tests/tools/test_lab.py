"""`make lab` starts a server that asks for a token and sends each kernel message at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

ROOT = Path(__file__).resolve().parents[2]


def load() -> Config:
    return PyFileConfigLoader("jupyter_server_config.py", path=str(ROOT / "tools/lab")).load_config()


def test_nagle_is_off_before_the_kernel_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    chosen = load().ServerApp.kernel_websocket_connection_class
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda _: calls.append("connected"))
    monkeypatch.setattr(chosen, "websocket_handler", SimpleNamespace(set_nodelay=calls.append))
    chosen.__new__(chosen).connect()
    assert calls == [True, "connected"]


def test_an_empty_token_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_TOKEN", "")
    load()
    assert "JUPYTER_TOKEN" not in os.environ


def test_a_learner_sees_nothing_of_nbgrader() -> None:
    installed = Path(sys.prefix, "etc/jupyter/jupyter_server_config.d/nbgrader.json").read_text()
    off = load().ServerApp.jpserver_extensions.to_dict()["update"]
    assert off == dict.fromkeys(json.loads(installed)["ServerApp"]["jpserver_extensions"], False)
    page = json.loads((ROOT / "tools/lab/page_config.json").read_text())
    extensions = Path(sys.prefix, "share/jupyter/labextensions")
    assert [name for name in page["disabledExtensions"] if (extensions / name).is_dir()] == [
        "@jupyter/nbgrader"
    ]


def test_make_lab_opens_the_first_notebook_on_this_machine_only() -> None:
    command = subprocess.run(
        ["make", "--dry-run", "lab", "JUPYTER_FLAGS=--no-browser --port 9999"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "--ip=127.0.0.1" in command and "--no-browser --port 9999" in command
    assert "/lab/tree/notebooks/00_start_here.ipynb" in command and "token" not in command
