#!/usr/bin/env bash
# Writes the lock files anew from pyproject.toml; needs uv on the PATH, and a network.
#
#   scripts/lock.sh                           keeps what is locked where pyproject.toml allows
#   scripts/lock.sh --upgrade-package optuna  takes the newest optuna that it allows
#   scripts/lock.sh --upgrade                 takes the newest of everything
set -euo pipefail
cd "$(dirname "$0")/.."

export UV_CUSTOM_COMPILE_COMMAND=scripts/lock.sh

compile() {
    # One version for every Python: results must not depend on which one is there.
    uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
        --generate-hashes --no-emit-index-url "$@" > /dev/null
}

# torch is left out: its build follows the machine (scripts/setup.sh).
compile "$@" --extra cluster --extra dev --extra japanese --extra korean --no-emit-package torch -o requirements.lock pyproject.toml
# What the images need: no tests, no checks.
compile "$@" --extra cluster --no-emit-package torch -c requirements.lock \
    -o docker/requirements.lock pyproject.toml
# What builds the packages that come as source.
echo setuptools | compile -c requirements.lock -o requirements-build.lock -
# What makes the documentation's pages (make docs), in an environment of its own.
echo mkdocs-material | compile "$@" -o requirements-docs.lock -
