#!/usr/bin/env bash
# Writes the digest that the registry gives now behind every public image's tag, in the
# Dockerfile and wherever else one is named; needs docker with buildx, and a network.
set -euo pipefail
cd "$(dirname "$0")"

pinned='[a-z0-9./-]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}'
mapfile -t files < <(grep -rlE "$pinned" --include=Dockerfile --include='*.yaml' .)
mapfile -t images < <(grep -hoE "$pinned" "${files[@]}" | sort -u)
for image in "${images[@]}"; do
    tag=${image%@*}
    digest=$(docker buildx imagetools inspect "$tag" --format '{{.Manifest.Digest}}')
    [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || {
        echo "error: $tag: the registry gave no digest but: $digest" >&2
        exit 1
    }
    sed -i "s|$image|$tag@$digest|g" "${files[@]}"
    echo "$tag $digest"
done
