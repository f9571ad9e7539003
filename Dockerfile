# The server and its command line, built by the scripts that developers and
# continuous integration run.
#
#   docker build -t repscore .
#   docker run -p 50051:50051 -v repscore:/var/lib/repscore repscore
#
# With NVIDIA GPUs (the host has the driver and NVIDIA's container toolkit):
#
#   docker build --target cuda -t repscore:cuda .
#   docker run --gpus all -p 50051:50051 -v repscore:/var/lib/repscore \
#     repscore:cuda
#
# CUDA_BASE is Debian 12, bare or with CUDA; what is missing of the toolkit comes
# from NVIDIA's packages for it.
ARG CUDA_BASE=debian:12-slim

FROM debian:12-slim AS build
WORKDIR /src
COPY deploy/install-dependencies deploy/
RUN deploy/install-dependencies build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN deploy/build --no-tests && strip build/bin/repscored build/bin/repscore

FROM ${CUDA_BASE} AS cuda-packages
ARG CUDA_KEYRING=https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/cuda-keyring_1.1-1_all.deb
ADD ${CUDA_KEYRING} /tmp/cuda-keyring.deb
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends ca-certificates \
    && dpkg -i /tmp/cuda-keyring.deb \
    && apt-get update -q

FROM cuda-packages AS cuda-build
ARG CUDA_VERSION=12-9
RUN apt-get install -q -y --no-install-recommends \
    cuda-nvcc-${CUDA_VERSION} cuda-cudart-dev-${CUDA_VERSION} \
    libcublas-dev-${CUDA_VERSION} libcusolver-dev-${CUDA_VERSION}
ENV PATH=/usr/local/cuda/bin:${PATH}
WORKDIR /src
COPY deploy/install-dependencies deploy/
RUN deploy/install-dependencies build
COPY . .
RUN deploy/build --no-tests -DREPSCORE_CUDA=ON \
    && strip build/bin/repscored build/bin/repscore

FROM cuda-packages AS cuda
ARG CUDA_VERSION=12-9
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY deploy/install-dependencies /usr/local/libexec/repscore/
RUN apt-get install -q -y --no-install-recommends \
    libcublas-${CUDA_VERSION} libcusolver-${CUDA_VERSION} \
    && /usr/local/libexec/repscore/install-dependencies runtime \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/repscore --create-home repscore
COPY --from=cuda-build /src/build/bin/repscored /src/build/bin/repscore /usr/local/bin/
USER 10001
VOLUME /var/lib/repscore
EXPOSE 50051
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["repscore", "--server", "localhost:50051", "info"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["repscored"]
CMD ["--listen", "0.0.0.0:50051", "--data-dir", "/var/lib/repscore"]

# The last stage is what a build without --target makes.
FROM debian:12-slim AS cpu
COPY deploy/install-dependencies /usr/local/libexec/repscore/
RUN /usr/local/libexec/repscore/install-dependencies runtime \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/repscore --create-home repscore
COPY --from=build /src/build/bin/repscored /src/build/bin/repscore /usr/local/bin/
USER 10001
VOLUME /var/lib/repscore
EXPOSE 50051
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["repscore", "--server", "localhost:50051", "info"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["repscored"]
CMD ["--listen", "0.0.0.0:50051", "--data-dir", "/var/lib/repscore"]
