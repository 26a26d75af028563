#!/bin/sh
# run-or-resume STUDY.toml [OPTION...]: start a study, or go on with it where it has begun.
# A job that is tried again after a lost head thus loses no more than a driver that is killed.
set -eu
study_file=$1
shift
name=$(python -P -c '
import pathlib, sys, tomllib
file = pathlib.Path(sys.argv[1])
print(tomllib.loads(file.read_text(encoding="utf-8")).get("name", file.stem))
' "$study_file")
if test -f "studies/$name/resolved.json"; then
    exec reservoir-search resume "$name" "$@"
fi
exec reservoir-search run "$study_file" "$@"
