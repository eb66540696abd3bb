# One image for both roles: docker run ... ingress|delivery --config FILE. Builds with and without BuildKit, on any platform
# that the base has. A release pins the base by digest: --build-arg BASE=python:3.11-slim-bookworm@sha256:...
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS wheel
WORKDIR /src
COPY requirements/build.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY examples examples
COPY connector connector
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist .

FROM ${BASE} AS environment
RUN apt-get update && apt-get install --yes --no-install-recommends binutils=2.40-2 && rm -rf /var/lib/apt/lists/*
# A virtual environment is one folder on every base; where the system's own Python keeps packages differs.
RUN python -m venv --without-pip /opt/connector
COPY requirements/runtime.txt /tmp/
# What these bring for a debugger is a quarter of the whole. Others stay as they are: their libraries were moved by their
# makers, and strip may break that.
RUN pip --python /opt/connector/bin/python install --no-cache-dir --require-hashes -r /tmp/runtime.txt \
 && find /opt/connector/lib -regex '.*/site-packages/\(uvloop\|fastavro\|aiohttp\|multidict\|yarl\|httptools\|yaml\)/.*\.so' \
    -exec strip --strip-unneeded {} +
COPY --from=wheel /dist /dist
RUN pip --python /opt/connector/bin/python install --no-cache-dir --no-deps --no-index /dist/*.whl

FROM ${BASE}
ARG BASE
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="whatsapp-kafka-connector" \
      org.opencontainers.image.description="Joins Meta's WhatsApp Cloud API and Apache Kafka" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
RUN groupadd --gid 10001 connector \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin connector
COPY --from=environment /opt/connector /opt/connector
# In memory, so that the demo runs on a file system that nobody may write.
ENV PATH=/opt/connector/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/dev/shm
# As a number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8080 9090
# The default admin port; Kubernetes ignores this and probes on its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9090/livez', timeout=4)"]
ENTRYPOINT ["connector"]
CMD ["--help"]
