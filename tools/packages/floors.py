"""The oldest torch and numpy that pyproject.toml allows.

They come in pip's form: `torch==2.3 numpy==1.23.2`.
"""

import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
PROJECT = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))

if __name__ == "__main__":
    print(*(line.replace(">=", "==") for line in PROJECT["project"]["dependencies"]))
