# The server and its command line, built by the scripts that developers and
# continuous integration run.
#
#   docker build -t repscore .
#   docker run -p 50051:50051 -v repscore:/var/lib/repscore repscore
FROM debian:12-slim AS build
WORKDIR /src
COPY deploy/install-dependencies deploy/
RUN deploy/install-dependencies build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN deploy/build --no-tests && strip build/bin/repscored build/bin/repscore

FROM debian:12-slim
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
