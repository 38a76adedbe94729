# `instream serve`, models behind REST and gRPC, as an image.
#
#   docker build -t instream .
#   docker run -p 8080:8080 -p 8081:8081 -v ./delay.onnx:/models/model.onnx:ro instream
#   docker run -p 8080:8080 -p 8081:8081 -v ./store:/var/lib/instream instream serve --model delay
#
# The second serves a model's file, the third follows a model in a store, the file `instream.db` of that folder; uid 10001
# must be able to write there. The root file system may be read-only: --read-only --tmpfs /tmp.
#
# Build arguments:
#   BASE        An image with Python 3.11 or later, its venv module and CA certificates. Of Debian 12 itself, one with
#               its packages python3, python3-venv and ca-certificates will do.
#   EXTRAS      What to install of pyproject.toml's optional dependencies. Models that were published from scikit-learn and
#               run as trees, or as themselves, need serve,sklearn; others serve,onnx,lightgbm or serve,onnx,xgboost.
#   REVISION    The commit, for a label.
#
# Behind an index of your own, give the build two secrets; neither is kept in the image:
#   --secret id=index,src=FILE    Lines of shell, such as PIP_INDEX_URL=… UV_DEFAULT_INDEX=… HTTPS_PROXY=…
#   --secret id=ca,src=FILE       Certificates; the lines PIP_CERT=/run/secrets/ca and SSL_CERT_FILE=/run/secrets/ca use them.

ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ARG EXTRAS=serve,onnx
ARG UV_VERSION=0.13.9
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=/opt/instream
WORKDIR /build

RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=index --mount=type=secret,id=ca \
    set -eu; set -a; [ ! -f /run/secrets/index ] || . /run/secrets/index; set +a; \
    python3 -m venv uv; \
    uv/bin/pip install --quiet uv==${UV_VERSION}; \
    uv/bin/uv venv --quiet --python "$(command -v python3)" ${VIRTUAL_ENV}

# Dependencies before the source, which changes more often. The lock is a constraint, so that only what the extras need is
# taken from it; --require-hashes refuses what is not in it, and what is not what it says.
COPY pyproject.toml requirements.lock ./
RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=index --mount=type=secret,id=ca \
    set -eu; set -a; [ ! -f /run/secrets/index ] || . /run/secrets/index; set +a; \
    uv/bin/uv pip install --quiet --require-hashes --constraints requirements.lock --requirements pyproject.toml \
      $(echo "${EXTRAS}" | tr , '\n' | sed 's/^/--extra /')

# The wheel is installed without a cache: uv would take one of the same name for the same.
COPY README.md ./
COPY src src
RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=index --mount=type=secret,id=ca \
    set -eu; set -a; [ ! -f /run/secrets/index ] || . /run/secrets/index; set +a; \
    uv/bin/uv build --quiet --wheel --python ${VIRTUAL_ENV}/bin/python --build-constraints requirements.lock --out-dir wheel .; \
    uv/bin/uv pip install --quiet --no-cache --no-deps --no-index wheel/*.whl

# Tests, headers and a protocol that nothing here imports are a sixth of it all.
# Bytecode holds whatever a layer does to times of files: Python never compares it with its source.
RUN set -eu; cd ${VIRTUAL_ENV}/lib/python3*/site-packages; \
    find numpy -type d -name tests -prune -exec rm -r {} +; \
    rm -rf onnx/backend/test pyarrow/tests pyarrow/include pyarrow/*flight*; \
    ${VIRTUAL_ENV}/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash .

FROM ${BASE}
ARG REVISION=""
LABEL org.opencontainers.image.title="instream" \
      org.opencontainers.image.description="A trained model behind REST and gRPC; a new version without a restart." \
      org.opencontainers.image.revision="${REVISION}"

# Numeric, so that Kubernetes sees that it is not root.
RUN install -d -m 0755 /models && install -d -m 0755 -o 10001 -g 10001 /var/lib/instream
COPY --from=build /opt/instream /opt/instream

# HOME: what libraries keep for themselves goes to /tmp; this user has no home, and only /tmp is surely writable.
# ORT_DISABLE_TELEMETRY: onnxruntime tells its maker about each model that it loads, unless it is told not to.
# INSTREAM_READY: what the health check asks; change it with the port, or with TLS.
ENV PATH=/opt/instream/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    INSTREAM_READY=http://127.0.0.1:8080/v2/health/ready

USER 10001:10001
WORKDIR /var/lib/instream
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(os.environ['INSTREAM_READY'], timeout=3)"]
ENTRYPOINT ["instream"]
CMD ["serve", "/models/model.onnx"]
