"""A class of submissions for the tests of grading: right ones, half-right ones, and attacks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from zlib import crc32

ROOT = Path(__file__).resolve().parents[2]
NAME = "05_entropy_temperature"
SEED = 271_828_182
LINUX = sys.platform == "linux"
LIGHT = (  # without torch: it takes seconds to load
    "import itertools\nimport math\nimport os\nimport sys\nimport time\n\nimport numpy as np"
)


def solution_of(name: str) -> dict[str, str]:
    """The code of the solution's cells by id, as a learner would have written it."""
    marks = ("### BEGIN SOLUTION", "### END SOLUTION")
    cells = json.loads((ROOT / "solutions" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return {
        cell["id"]: "\n".join(x for x in "".join(cell["source"]).splitlines() if x.strip() not in marks)
        for cell in cells
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }


RIGHT = solution_of(NAME)


def notebook(name: str = NAME, **sources: str) -> dict[str, Any]:
    """The exercise with the given sources in place of its cells."""
    made = json.loads((ROOT / "exercises" / f"{name}.ipynb").read_text(encoding="utf-8"))
    for cell in made["cells"]:
        cell["source"] = sources.get(cell["id"].replace("-", "_"), "".join(cell["source"]))
    return made


def light(**sources: str) -> dict[str, Any]:
    return notebook(**{"setup": LIGHT} | sources)


def always(value: str) -> dict[str, str]:
    """Four functions that give the same value, whatever they are asked."""
    heads = ("entropy(s, tau, base=1)", "dH_dtau(s, tau)", "tau_for_effective(s, n_eff)", "steepest_gap(tau)")
    return {cell: f"def {head}:\n    return {value}" for cell, head in zip(RIGHT, heads, strict=True)}


PATCHED = """
from nslab import practice
from nslab.practice import _check, _judge
practice.check = _check.check = lambda *a, **k: None
_judge.agree = lambda *a, **k: True
np.allclose = np.array_equal = np.isclose = lambda *a, **k: True
"""
LIES = """
class Equal:
    def __eq__(self, other): return True
    def __array__(self, *a, **k): return np.array("no number")
    def __array_ufunc__(self, *a, **k): return True
    def __reduce__(self): return (os.system, ("touch " + MARK,))
    def __float__(self): return "0.5"
    def __repr__(self): return "<script>alert(1)</script>"
    __hash__ = None

class Zero(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __rsub__ = __abs__ = __mul__ = __rmul__ = __sub__
    def __le__(self, other): return True
    __lt__ = __ge__ = __gt__ = __le__

class Wrong(ValueError):
    def __str__(self): raise SystemExit
    def __reduce__(self): return (os.system, ("touch " + MARK,))
"""
# The seed is looked for in two parts, so that nothing here holds all of it.
SEARCH = """
import gc, glob
def holds(pattern):
    hits = 0
    for place in glob.glob(pattern):
        try: hits += (A + B).encode() in open(place, "rb").read()
        except OSError: pass
    return hits > 0
frame, seen = sys._getframe(), []
while frame:
    seen += map(str, frame.f_locals.values())
    frame = frame.f_back
seen += [str(x) for x in gc.get_objects() if isinstance(x, (dict, list)) and len(x) < 50]
print("seed in an environment:", holds("/proc/[0-9]*/environ") or (A + B) in str(os.environ))
print("seed in a command:", holds("/proc/[0-9]*/cmdline"))
print("seed in memory:", any((A + B) in text for text in seen))
"""
THEFT = """
import pathlib, socket
for target in TARGETS:
    try:
        pathlib.Path(target).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(target).write_text("FORGED")
    except OSError as error:
        print(type(error).__name__)
try:
    socket.create_connection(("127.0.0.1", PORT), timeout=2).close()
    print("connected:", True)
except OSError: print("connected:", False)
try:
    open("/proc/sys/kernel/core_pattern", "a").close()
    print("settings of the kernel:", True)
except OSError: print("settings of the kernel:", False)
"""
OUTLIVES = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", NAP])
    os._exit(0)
if os.fork() == 0:
    time.sleep(600)  # holds the line open
"""
WIRE = """
import glob, stat
def wires():
    for fd in map(int, map(os.path.basename, glob.glob("/proc/self/fd/*"))):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode): yield fd
        except OSError: pass

def wire(data):
    for fd in wires(): os.write(fd, data)
"""
STUBBORN = """
import signal
for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL): signal.setitimer(timer, 0)
signal.setitimer = lambda *a: None
time.time = time.monotonic = lambda: 0.0
"""
RUDE = """
print("x" * 3_000_000)
for _ in range(50): print("y" * 100_000)
os.write(1, b"z" * 1_000_000)
sys.exit(3)
"""
HOG = (
    "held = [bytearray(10**8) for _ in range(10**4)]" if LINUX else "raise MemoryError"
)  # only Linux limits it
SNIPE = """
import signal
os.kill(os.getppid(), signal.SIGKILL)
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if WANTED in open(f"/proc/{pid}/cmdline", "rb").read(): os.kill(int(pid), signal.SIGKILL)
    except OSError: pass
time.sleep(1)
"""


def attacks(folder: Path, out: Path, port: int) -> dict[str, dict[str, Any]]:
    """One notebook a student. `folder` holds the submissions, `out` what grading makes of them."""
    targets = [
        *(
            out / "feedback" / "ada" / f"{NAME}.html",
            out / "records" / "ada" / f"{NAME}.json",
            out / "gradebook.csv",
        ),
        *(folder / "wires" / f"{NAME}.ipynb", "outcome.json", "gradebook.csv"),
    ]
    theft = f"TARGETS, PORT = {list(map(str, targets))}, {port}\n{THEFT}"
    search = f"A, B = {str(SEED)[:5]!r}, {str(SEED)[5:]!r}\n{SEARCH}"
    edited = light(**RIGHT | {"slope": always("0.0")["slope"]}, check_slope="print('fine')")
    edited["cells"] = [cell for cell in edited["cells"] if cell["id"] not in ("check-steepest", "reward")]
    first = [cell for cell in edited["cells"] if cell["id"].startswith("check")]
    edited["cells"][1:1] = [cell | {"id": f"again-{cell['id']}"} for cell in first]
    forged = "wire((2).to_bytes(4, 'big') + b'{}')"
    return {
        "ada": light(**RIGHT),
        "cleo": light(
            entropy=RIGHT["entropy"], slope=RIGHT["slope"], hint_entropy=RUDE,
            hint_slope=HOG,
        ),
        "dan": edited,
        "eve": light(
            **RIGHT | {"slope": "def dH_dtau(s, tau):\n    os._exit(9)"}, hint_temperature="os._exit(1)"
        ),
        "forker": light(**RIGHT, hint_entropy=OUTLIVES.replace("NAP", repr(nap(out)))),
        "giant": light(
            entropy=f"def entropy(s, tau, base=1):\n    return [0.0] * 10**{9 if LINUX else 7}",
            slope="def dH_dtau(s, tau):\n    x = 0.0\n    for _ in range(10**5): x = [x]\n    return x",
            temperature="def tau_for_effective(s, n_eff):\n    return 'a' * 10**8",
            steepest="def steepest_gap(tau):\n    return (x for x in iter(int, 1))",
        ),
        "lies": light(
            setup=f"{LIGHT}\nMARK = {str(out / 'mark')!r}\n{LIES}",
            **always("Zero(0)") | {
                "entropy": "def entropy(s, tau, base=1):\n    return Equal()",
                "slope": "def dH_dtau(s, tau):\n    raise Wrong",
            },
            hint_slope="np.asarray = np.array = lambda *a, **k: 0.0",
        ),
        "patched": light(setup=LIGHT + PATCHED, **always("0.0")),
        "sniper": light(**RIGHT, hint_entropy=SNIPE.replace("WANTED", "b'tools.grading.judge'")),
        "thief": light(**RIGHT, hint_entropy=search, hint_slope=theft),
        "wires": light(
            setup=LIGHT + WIRE,
            **RIGHT | {
                "slope": "def dH_dtau(s, tau):\n    wire(b'\\xff' * 99)",
                "temperature": f"def tau_for_effective(s, n_eff):\n    {forged}",
            },
        ),
    }  # fmt: skip


def dawdlers() -> dict[str, dict[str, Any]]:
    """Those that do not come to an end by themselves."""
    return {
        "loops": light(
            **RIGHT | {"slope": "def dH_dtau(s, tau):\n    while True: pass"},
            hint_entropy="while True:\n    try:\n        while True: pass\n    except BaseException: pass",
            hint_temperature="time.sleep(10**6)",
        ),
        "stubborn": light(
            setup=LIGHT + STUBBORN,
            **RIGHT | {"temperature": "def tau_for_effective(s, n_eff):\n    while True: pass"},
        ),
    }


def nap(out: Path) -> str:
    """The argument of the `sleep` that a submission leaves behind, so that it can be found."""
    return f"{600 + crc32(str(out).encode()) / 2**32:.10f}"


def broken() -> dict[str, str]:
    """What is no notebook, or none that can be graded."""
    whole = json.dumps(notebook())
    return {
        "cut": whole[:3000],
        "deep": "[" * 100_000,
        "empty": "",
        "old": json.dumps({"nbformat": 3, "worksheets": []}),
        "shapeless": json.dumps({"nbformat": 4, "cells": {"a": 1}}),
        "many": json.dumps({"nbformat": 4, "cells": notebook()["cells"] * 200}),
        "large": "x" * 20_000_001,
    }
