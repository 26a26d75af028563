#!/bin/sh
# Runs a command with NAME set to what the file in NAME_FILE holds, for every such variable
# of the environment: secrets come from mounted files, and stand in no image, manifest or
# command line.
set -eu

for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*\)_FILE=.*/\1/p'); do
    file=$(printenv "${name}_FILE")
    [ -r "$file" ] || { echo "error: ${name}_FILE: $file cannot be read; mount it" >&2; exit 2; }
    export "$name=$(cat "$file")"
    unset "${name}_FILE"
done
exec "$@"
