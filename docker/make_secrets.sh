#!/usr/bin/env bash
# Makes the secrets that compose.yaml and the manifests in kuberay/ ask for, one file each.
# Those that are there stay as they are.
#
#   docker/make_secrets.sh          into docker/secrets
#   docker/make_secrets.sh FOLDER   elsewhere
set -euo pipefail

folder=${1:-$(dirname "$0")/secrets}

# The folder keeps others out. The files can be read by all, for the users in the
# containers are not the one who runs this, and Compose mounts each file as it is.
mkdir -p "$folder"
chmod 700 "$folder"
for name in ray_token postgres_password mlflow_password mlflow_secret_key; do
    [ -s "$folder/$name" ] && continue
    # 256 bits, in letters and digits: no service stumbles over them.
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > "$folder/$name"
    chmod 444 "$folder/$name"
done
echo "secrets: $folder; MLflow's account is admin, its password in $folder/mlflow_password" >&2
