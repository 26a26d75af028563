#!/usr/bin/env bash
# Installs what `make cluster-test` needs beside .venv, on Debian or Ubuntu, as root:
# PostgreSQL's server, and the commands for network namespaces.
set -euo pipefail

command -v apt-get > /dev/null || {
    echo "error: no apt-get: install PostgreSQL's server, iproute2 and util-linux by other means" >&2
    exit 1
}
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
# No cluster of Debian's own making: the tests make theirs.
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
apt-get install --quiet --yes --no-install-recommends iproute2 postgresql shellcheck util-linux
