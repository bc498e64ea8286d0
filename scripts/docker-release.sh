#!/usr/bin/env bash
# Builds the image and pushes it, then prints what to run next. Log in first: docker login git.medlab.host
#
#   IMAGE=registry/owner/name   another place for the image
#   TAG=1.0.1                   another tag than the commit's short hash
#   ALLOW_DIRTY=1               build what is not committed too, which nobody will find again
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

if [[ -n $(git status --porcelain) && ${ALLOW_DIRTY:-} != 1 ]]; then
    echo "There are changes that are not committed. Commit them, or set ALLOW_DIRTY=1." >&2
    exit 1
fi

revision=$(git rev-parse HEAD)
version=$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' CloudronManifest.json)
image=${IMAGE:-git.medlab.host/communityrule/community-rule}:${TAG:-$(git rev-parse --short HEAD)}

# One plain image: with build records added it would be a list of images, which some registries show as broken.
export BUILDX_NO_DEFAULT_ATTESTATIONS=1
docker build --platform linux/amd64 \
    --build-arg VERSION="$version" --build-arg REVISION="$revision" --tag "$image" .
docker push "$image"

cat <<TEXT

Pushed $image, version $version.

For a first installation:
  cloudron install --location staging.communityrule.info --image $image
To update one (the version must be higher than the installed one):
  cloudron update --app staging.communityrule.info --image $image
Afterwards:
  scripts/staging-smoke.sh staging.communityrule.info
TEXT
