# One image for the containers of a pipeline, for Beam's workers and for training:
#   docker build -t scenerank:0.1.0 .                                  (GPUs: --build-arg PACKAGE='.[all,cuda]')
# The older platform: --build-arg PLATFORM=py310 --build-arg PYTHON=3.10 --build-arg DEBIAN=bookworm --build-arg BEAM=2.65.0
# Components and training are started with a command of their own; without one it is a worker of Beam.

ARG PYTHON=3.13
ARG DEBIAN=trixie
ARG BEAM=2.77.0

FROM apache/beam_python${PYTHON}_sdk:${BEAM} AS beam

FROM python:${PYTHON}-slim-${DEBIAN} AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
COPY LICENSE README.md pyproject.toml requirements.in requirements-py310.lock requirements-py313.lock setup.py ./
COPY scenerank scenerank
COPY schemas schemas
COPY models models
COPY components components
COPY pipeline pipeline
ARG PACKAGE=.[training,kubeflow,report]
ARG PLATFORM=py313
# Beam's workers install with pip what a pipeline stages.
RUN uv venv --seed /opt/venv && \
    uv pip install --python /opt/venv/bin/python --compile-bytecode \
      --override requirements-$PLATFORM.lock --build-constraints requirements-$PLATFORM.lock "$PACKAGE"

FROM python:${PYTHON}-slim-${DEBIAN}
RUN useradd --create-home --uid 1000 scenerank
COPY --from=beam /opt/apache/beam /opt/apache/beam
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
