# The server and its command line, built by the scripts that developers and
# continuous integration run.
#
#   docker build -t repscore .
#   docker run -p 50051:50051 -v repscore:/var/lib/repscore repscore
#
# With the CUDA backend, for machines with an NVIDIA GPU and its container
# toolkit:
#
#   docker build --target cuda -t repscore:cuda .
#   docker run --gpus all -p 50051:50051 -v repscore:/var/lib/repscore repscore:cuda
ARG CUDA_IMAGE=nvidia/cuda:13.0.1-devel-ubuntu22.04

FROM debian:12-slim AS source
WORKDIR /src
COPY deploy/install-dependencies deploy/
RUN deploy/install-dependencies build && rm -rf /var/lib/apt/lists/*
COPY . .

FROM source AS build
RUN deploy/build --no-tests -DREPSCORE_CUDA=OFF \
    && strip build/bin/repscored build/bin/repscore

FROM ${CUDA_IMAGE} AS toolkit

FROM source AS build-cuda
COPY --from=toolkit /usr/local/cuda /usr/local/cuda
RUN PATH=/usr/local/cuda/bin:$PATH deploy/build --no-tests -DREPSCORE_CUDA=ON \
    && strip build/bin/repscored build/bin/repscore

FROM debian:12-slim AS runtime
COPY deploy/install-dependencies /usr/local/libexec/repscore/
RUN /usr/local/libexec/repscore/install-dependencies runtime \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/repscore --create-home repscore
VOLUME /var/lib/repscore
EXPOSE 50051
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["repscore", "--server", "localhost:50051", "info"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["repscored"]
CMD ["--listen", "0.0.0.0:50051", "--data-dir", "/var/lib/repscore"]

# What cuBLAS and cuSOLVER are made of; the driver comes from the host.
FROM runtime AS cuda
COPY --from=toolkit \
    /usr/local/cuda/lib64/libcublas.so.13 \
    /usr/local/cuda/lib64/libcublasLt.so.13 \
    /usr/local/cuda/lib64/libcusolver.so.12 \
    /usr/local/cuda/lib64/libcusparse.so.12 \
    /usr/local/cuda/lib64/libnvJitLink.so.13 \
    /usr/local/lib/
RUN ldconfig
COPY --from=build-cuda /src/build/bin/repscored /src/build/bin/repscore /usr/local/bin/
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001

FROM runtime AS cpu
COPY --from=build /src/build/bin/repscored /src/build/bin/repscore /usr/local/bin/
USER 10001
