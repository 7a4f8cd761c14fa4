# Reconciler with its own Ansible. State lives in /var/lib/reconciler; keys and known_hosts are mounted where you like.
FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/reconciler
WORKDIR /src
# Dependencies first: they change less often than the code.
COPY requirements/runtime.txt requirements/runtime.txt
RUN /opt/reconciler/bin/pip install --require-hashes -r requirements/runtime.txt
COPY LICENSE README.md pyproject.toml ./
COPY schemas schemas
COPY reconciler reconciler
RUN /opt/reconciler/bin/pip install --no-deps . \
    && /opt/reconciler/bin/python -m compileall -q /opt/reconciler/lib

FROM python:3.13-slim-trixie
# Security updates come with each build: a pinned version would soon be gone from the archive.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/reconciler reconciler
COPY --from=build /opt/reconciler /opt/reconciler
ENV PATH=/opt/reconciler/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/reconciler
VOLUME /var/lib/reconciler
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["reconciler", "--version"]
ENTRYPOINT ["reconciler"]
CMD ["--help"]
