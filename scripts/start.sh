#!/bin/sh
# Starts the site in its container, and anywhere else after scripts/serve or scripts/test has made .venv.
#
# As root it makes the folder for uploads and goes on as the user `cr`. cr-serve then migrates the database, rebuilds the
# read models that are older than the code, and serves; where the database is away it does so as soon as it appears.
set -eu
cd -- "$(dirname -- "$0")/.."

if [ "$(id -u)" -eq 0 ]; then
    uploads=${UPLOAD_ROOT:-/app/data/uploads}
    mkdir -p -- "$uploads"
    # What a backup brings back, or another image wrote, may belong to somebody else.
    chown -hR cr:cr -- "$uploads"
    exec gosu cr:cr scripts/start.sh
fi

# exec, so that the signal that ends the container reaches the server.
exec .venv/bin/cr-serve production.ini
