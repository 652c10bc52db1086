# surge_mmdet for NVIDIA GPUs: docker build -f docker/cuda.Dockerfile -t surge_mmdet:cuda .
# The CUDA of the first image is that of torch in requirements/constraints.txt.
FROM nvidia/cuda:13.0.2-devel-ubuntu24.04 AS build
WORKDIR /src
COPY docker/install.sh docker/
COPY requirements requirements
# No GPU is there while the image is built: its generations are named here.
ARG TORCH_CUDA_ARCH_LIST="8.0 8.6 8.9 9.0+PTX"
ENV FORCE_CUDA=1 DEBIAN_FRONTEND=noninteractive
RUN docker/install.sh stack
COPY . .
RUN docker/install.sh package

FROM nvidia/cuda:13.0.2-base-ubuntu24.04
# Ubuntu's image has a user of number 1000 already.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1001 surge
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
USER 1001:1001
WORKDIR /home/surge
EXPOSE 8000
CMD ["python", "-m", "surge_mmdet.environment"]
