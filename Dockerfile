# One image for the containers of a pipeline, for Beam's workers and for training:
#   docker build -t scenerank:0.1.0 .                                  (GPUs: --build-arg PACKAGE='.[cuda]')
# Components and training are started with a command of their own; without one it is a worker of Beam.

FROM python:3.10.18-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.7.17
WORKDIR /src
COPY README.md pyproject.toml requirements.in requirements.lock setup.py ./
COPY schemas schemas
COPY models models
COPY components components
COPY pipeline pipeline
ARG PACKAGE=.
RUN uv venv /opt/venv && \
    uv pip install --python /opt/venv/bin/python --compile-bytecode --constraint requirements.lock "$PACKAGE"

FROM python:3.10.18-slim-bookworm
RUN useradd --create-home --uid 1000 scenerank
COPY --from=apache/beam_python3.10_sdk:2.65.0 /opt/apache/beam /opt/apache/beam
COPY --from=build /opt/venv /opt/venv
# Worker pools start a bare `python`; Beam's entry would otherwise make an environment of its own, as root.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1 \
    TF_CPP_MIN_LOG_LEVEL=2 \
    TF_USE_LEGACY_KERAS=1
USER 1000
WORKDIR /home/scenerank
ENTRYPOINT ["/opt/apache/beam/boot"]
