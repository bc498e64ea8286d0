# The site as Cloudron runs it, linux/amd64: docs/operations.md says how to build and install it.

FROM python:3.13-slim-trixie AS build
WORKDIR /app/code
RUN python -m venv --without-pip .venv
COPY requirements/runtime.txt requirements/runtime.txt
RUN pip --python .venv/bin/python install --require-hashes --only-binary :all: -r requirements/runtime.txt
COPY pyproject.toml setup.cfg README.md LICENSE ./
COPY cr cr
# setuptools comes from the lock as well.
RUN pip --python .venv/bin/python install --no-deps --no-build-isolation .
# Not below /app/data, which Cloudron covers with the app's own storage.
RUN mkdir /app/seed-data && find cr/catalog -path '*/data/*.json' -exec cp {} /app/seed-data/ ';'

FROM python:3.13-slim-trixie
RUN apt-get update \
    && apt-get install -y --no-install-recommends gosu \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin cr
# The root file system is read-only: what is not compiled now is compiled again at every start.
RUN python -m compileall -q -x '/(site-packages|test|tests)/' "$(python -c 'import os; print(os.path.dirname(os.__file__))')"
WORKDIR /app/code
COPY --from=build /app/code/.venv .venv
COPY --from=build /app/seed-data /app/seed-data
COPY production.ini ./
COPY scripts/start.sh scripts/start.sh
ENV PATH=/app/code/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PORT=3000 \
    SEED_DATA_DIR=/app/seed-data \
    UPLOAD_ROOT=/app/data/uploads
EXPOSE 3000
CMD ["/app/code/scripts/start.sh"]

ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="Community Rule" \
      org.opencontainers.image.description="Write down how your community governs itself, and keep the record" \
      org.opencontainers.image.licenses="AGPL-3.0-or-later" \
      org.opencontainers.image.source="https://git.medlab.host/CommunityRule/community-rule" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
