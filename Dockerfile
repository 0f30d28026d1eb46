# The platform in a container: webserver, daemon, code server and runs are the same image with other commands.
# NOT RUN: written where no Docker was to be had; tests check its commands, paths and variables.
#     docker build --tag polygon-assets .
# Secrets come from the environment when it runs; none is in the image or in an argument of the build.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
# For the parsing kernel, which is compiled while the package is installed.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/polygon-assets
ENV PATH=/opt/polygon-assets/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements/container.txt requirements/container.txt
# The lock is complete, and names no extras of what it pins: pip's resolver would ask for a hash of gql[requests].
RUN pip install --no-deps --require-hashes --requirement requirements/container.txt
COPY pyproject.toml README.md LICENSE ./
COPY tools/build_kernel.py tools/index_page.py tools/
COPY deploy/local/dagster.yaml deploy/local/dagster.yaml
COPY polygon_assets polygon_assets
RUN pip install --no-deps --no-index --no-build-isolation . && pip check && python -m compileall -q -j 0 /opt/polygon-assets

FROM python:${PYTHON}-slim-bookworm
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/polygon-assets polygon \
    && install --directory --owner polygon --group polygon \
        /data /var/lib/polygon-assets /var/lib/polygon-assets/dagster /var/lib/polygon-assets/state
COPY --from=build /opt/polygon-assets /opt/polygon-assets
COPY deploy/compose/dagster.yaml /var/lib/polygon-assets/dagster/dagster.yaml
COPY deploy/compose/workspace.yaml /var/lib/polygon-assets/workspace.yaml
ENV PATH=/opt/polygon-assets/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DAGSTER_HOME=/var/lib/polygon-assets/dagster XDG_STATE_HOME=/var/lib/polygon-assets/state \
    POLYGON_STORE=/data
USER 10001
WORKDIR /var/lib/polygon-assets
VOLUME ["/data", "/var/lib/polygon-assets/state"]
EXPOSE 4000
# Of the code server; compose.yaml has those of the others.
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 \
    CMD ["dagster", "api", "grpc-health-check", "--port", "4000"]
CMD ["dagster", "code-server", "start", "--host", "0.0.0.0", "--port", "4000", "--module-name", "polygon_assets.definitions", "--location-name", "polygon_assets"]
