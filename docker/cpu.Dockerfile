# surge_mmdet for a CPU: docker build -f docker/cpu.Dockerfile -t surge_mmdet:cpu .
FROM debian:12-slim AS build
WORKDIR /src
COPY docker/install.sh docker/
COPY requirements requirements
# An index with builds of torch for the CPU: gigabytes less than those with CUDA.
ARG PIP_EXTRA_INDEX_URL
RUN docker/install.sh stack
COPY . .
RUN docker/install.sh package

FROM debian:12-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 surge
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
USER 1000:1000
WORKDIR /home/surge
EXPOSE 8000
CMD ["python", "-m", "surge_mmdet.environment"]
