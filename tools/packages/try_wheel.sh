#!/usr/bin/env bash
# Install a built wheel into a new environment with nothing but what it asks for, and run the core's tests on it:
#   try_wheel.sh dist/nslab-0.1.0-py3-none-any.whl                                       the newest torch and numpy
#   try_wheel.sh dist/nslab-0.1.0-py3-none-any.whl $(python tools/packages/floors.py)    the oldest allowed ones
# PYTHON names another Python than python3.
set -euo pipefail
wheel=$(realpath "$1")
shift
clone=$(cd "$(dirname "$0")/../.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

"${PYTHON:-python3}" -m venv "$place/venv"
python="$place/venv/bin/python"
"$python" -m pip install -q --upgrade "pip>=25.1" # reads dependency groups
"$python" -m pip install -q "$wheel" "$@"
"$python" -m pip freeze --exclude nslab | tee "$place/bare.txt"

# Away from the clone, so that `nslab` is the installed one.
mkdir "$place/tests"
cp "$clone/tests/core/refusals.py" "$place/tests"
for name in losses streaming theory samplers mining diagnostics noise; do
    cp "$clone/tests/core/test_$name.py" "$place/tests"
done
cd "$place"
"$python" -c 'import nslab, nslab.datasets, nslab.practice; print(nslab.__version__, nslab.__file__)'
"$python" -m pip install -q --group "$clone/pyproject.toml:core-test" --constraint "$place/bare.txt"
"$python" -m pytest -q -p no:cacheprovider --hypothesis-profile=ci tests
