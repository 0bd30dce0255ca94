# The worker image: the binary, the shared libraries that it is linked to, and the files that these
# read. docs/FLEET.md shows how the fleet runs it.

# Any Debian with cargo and a C compiler. The image's libraries come from this base, so the two match.
ARG BUILDER=docker.io/library/rust:1.95-slim-bookworm

FROM ${BUILDER} AS manifests
COPY . /src
# Cargo infers the paths of benchmarks, so their files must exist.
RUN find /src -type f ! -name 'Cargo.*' ! -path '*/benches/*' -delete && find /src -type d -empty -delete

FROM ${BUILDER} AS build
# Versions are not pinned: Debian's archive keeps one version of a package at a time.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libgdal-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /src
# Empty crates replace ours, so that the layer with the dependencies stays valid until a manifest changes.
COPY --from=manifests /src/ ./
RUN find . -mindepth 2 -name Cargo.toml -execdir mkdir src \; -execdir touch src/lib.rs \; \
    && echo 'fn main() {}' > worker/src/main.rs \
    && cargo build --locked --release --package tilefleet-worker

COPY common/ common/
COPY fuse/ fuse/
COPY jpeg2000/ jpeg2000/
COPY recipes/ recipes/
COPY settings/ settings/
COPY worker/ worker/
# Cargo compares modification times, and a checkout can be older than the empty crates.
RUN cargo clean --release --package tilefleet-common --package tilefleet-fuse --package tilefleet-jpeg2000 \
        --package tilefleet-settings --package tilefleet-worker \
    && cargo build --locked --release --package tilefleet-worker

COPY scripts/image-root.sh scripts/no-faults.sh scripts/
RUN scripts/no-faults.sh target/release/worker && scripts/image-root.sh target/release/worker /root-of-image

FROM scratch
COPY --from=build /root-of-image/ /

# The only directory that container engines mount writable under a read-only root.
ENV TILEFLEET_HEALTH_FILE=/dev/shm/tilefleet-worker.json

# A number, so that engines know without /etc/passwd that the user is not root.
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 CMD ["/usr/bin/worker", "health"]
ENTRYPOINT ["/usr/bin/worker"]
CMD ["run"]

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Tilefleet worker" \
      org.opencontainers.image.description="Fuses bands of Sentinel-2 scenes into Cloud Optimized GeoTIFFs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
