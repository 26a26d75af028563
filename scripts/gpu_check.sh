#!/usr/bin/env bash
# What only a GPU can show, in at most nine minutes and without a network: the tests for one,
# updates a second against fairseq, and ten trials of a search at the paper's width, on Tatoeba
# where data/tatoeba is there, else on the embedded grammar. Prints a table; logs and results are
# in build/gpu-check-DATE. The longer benchmarks are those of make bench-gpu.
#
#   scripts/gpu_check.sh                   with .venv, or python3 where there is none
#   PYTHON=/path/to/python scripts/gpu_check.sh
#
# Exit code: 0 all is well, 1 a part failed or took too long, 2 there is no GPU.
set -euo pipefail
cd "$(dirname "$0")/.."
SECONDS=0

root=$PWD
python=${PYTHON:-$root/.venv/bin/python}
[ -n "${PYTHON:-}" ] || [ -x "$python" ] || python=python3
export PYTHONPATH=$root RAY_USAGE_STATS_ENABLED=0 MLFLOW_DISABLE_TELEMETRY=true

if ! "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2> /dev/null; then
    echo "error: $python finds no GPU by torch; run this on a machine with one (nvidia-smi)" >&2
    exit 2
fi

out=$root/build/gpu-check-$(date +%Y%m%d-%H%M%S)
mkdir -p "$out"
whole_s=530
failed=0
rows=()

# Run "$3…" as part $1 for at most $2 seconds and what is left of the whole; its output is logged.
run_part() {
    local limit=$2 start=$SECONDS code=0
    name=$1
    shift 2
    if [ "$limit" -gt $((whole_s - start)) ]; then limit=$((whole_s - start)); fi
    echo "$name: at most $limit s, log: $out/$name.log" >&2
    timeout --signal INT --kill-after 10 "$limit" "$@" > "$out/$name.log" 2>&1 || code=$?
    took=$((SECONDS - start))
    case $code in
        0) outcome=passed ;;
        75 | 124 | 137) outcome="out of time" ;; # 75: of --for
        *) outcome="failed ($code)" ;;
    esac
    [ "$code" -eq 0 ] || failed=1
}

# Keep the row of the part that has just run, with the figures $1.
add_row() {
    rows+=("$(printf '%-9s  %-11s  %4d s  %s' "$name" "$outcome" "$took" \
        "${1:-no figures; see $out/$name.log}")")
}

figures_of_tests() {
    grep -E '^(=+ )?[0-9]+ (passed|failed)' "$out/tests.log" | tail -n 1 | tr -d '='
}

figures_of_training() {
    "$python" - "$out/training-cuda.json" <<'PYTHON'
import json, sys

(table,) = json.load(open(sys.argv[1]))["tables"]
theirs, *ours = table["rows"]
rate = lambda row, column: row[column]["median"]
print("updates/s: fairseq %.1f" % rate(theirs, "updates/s"), end="")
for row in ours:
    print("; %s %.1f, %.1f times, first updates %.1f times" % (
        row[""], rate(row, "updates/s"), rate(row, "× fairseq"), rate(row, "first, × fairseq")
    ), end="")
print()
PYTHON
}

figures_of_search() {
    (cd "$out" && "$python" -m search show gpu-check --json) | "$python" -c '
import collections, json, sys
study = json.load(sys.stdin)
states = collections.Counter(trial["state"] for trial in study["trials"])
best = study["best"]
print(", ".join("%d %s" % (n, state) for state, n in sorted(states.items())), end="")
print("" if best is None else "; best %s, %s %.1f" % (best["layout"], best["metric"], best["score"]))
'
}

run_part tests 170 "$python" -m pytest -q -m gpu
add_row "$(figures_of_tests || true)"

run_part training 225 "$python" -m benchmarks.training --device cuda --seconds 170 --out "$out"
add_row "$(figures_of_training 2> /dev/null || true)"

data=$root/data/tatoeba
if [ ! -f "$data/manifest.json" ]; then
    data=$out/grammar
    "$python" -m search data grammar --out "$data" > "$out/data.log" 2>&1 || true
fi
cat > "$out/gpu-check.toml" <<TOML
data = "$data"
[space]
depth = 8
n_reservoirs = [0, 2, 4]
share_learned = ["none", "all"]
share_reservoir = ["none", "all"]
[model]
d_model = 512
ffn = 1024
dropout = 0.3
[train]
lr = 5e-4
warmup_updates = 100
batch_tokens = 4096
[validation]
interval_updates = 100
n_sentences = 200
[budget]
updates = 200
[search]
n_trials = 10
references = false
[scheduler]
grace = 100
[ranks]
gpus_per_rank = 1
TOML
left=$((whole_s - SECONDS)) # the parts before may have taken longer than their limits
for_s=$((left < 135 ? left - 10 : 125))
run_part search 135 env --chdir="$out" "$python" -m search run gpu-check.toml --for "${for_s}s"
add_row "$(figures_of_search 2> /dev/null || true)"

"$python" -c 'import torch; print(torch.cuda.get_device_name(), "torch", torch.__version__)'
echo "part       outcome       time    figures"
printf '%s\n' "${rows[@]}" | tee "$out/table.txt"
echo "$SECONDS s in all; logs and results: $out"
exit $failed
