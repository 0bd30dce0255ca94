#!/usr/bin/env bash
# Runs the worker image against a local AWS endpoint, as the fleet does: read-only root file system, no
# root user, no capabilities. Needs the release binaries and the image (IMAGE, as for image.sh).
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
readonly image=${IMAGE:-tilefleet-worker:$version}
readonly binaries=${CARGO_TARGET_DIR:-target}/release
readonly work=${CARGO_TARGET_DIR:-target}/image-check
readonly container=tilefleet-image-check-$$
# Longer than the worker's own --grace, as in the fleet.
readonly stop_timeout=120

fail() {
    echo "image-check: $*" >&2
    exit 1
}

say() {
    printf '%-10s %s\n' "$1" "$2"
}

now_ms() {
    date +%s%3N
}

# within SECONDS COMMAND…: repeats the command until it succeeds.
within() {
    local seconds=$1 end
    shift
    end=$((SECONDS + seconds))
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

engine=()
run=(--name "$container" --read-only --network host --cap-drop all --security-opt no-new-privileges)
if docker info >/dev/null 2>&1; then
    engine=(docker)
elif command -v podman >/dev/null; then
    engine=(podman)
    # Podman adds writable directories that Docker does not have. Later versions count /dev/shm among them.
    run+=(--read-only-tmpfs=false --tmpfs /dev/shm)
    # Without systemd, as in a container, there are no control groups and no limits as high as Podman's.
    if [[ ! -d /run/systemd/system ]]; then
        engine+=(--cgroup-manager cgroupfs)
        run+=(--ulimit nofile=4096 --ulimit nproc=4096)
    fi
else
    fail "the Docker engine does not answer, and podman is not installed; start or install one of them"
fi
"${engine[@]}" image inspect "$image" >/dev/null 2>&1 || fail "image $image does not exist; build it with: make image"

inspect() {
    "${engine[@]}" inspect --format "$1" "$container"
}

demo=
end() {
    local status=$?
    if ((status)); then
        "${engine[@]}" logs "$container" 2>&1 | tail -n 20 >&2 || true
        tail -n 20 "$work"/{demo,engine}.log >&2 2>/dev/null || true
    fi
    "${engine[@]}" rm --force "$container" >/dev/null 2>&1 || true
    if [[ -n $demo ]]; then
        kill "$demo" 2>/dev/null || true
        wait "$demo" || true
    fi
}
trap end EXIT

rm -rf "$work"
mkdir -p "$work"
# The demo keeps the endpoint running. Its worker makes the rasters that the image's worker has to repeat.
"$binaries/demo" --output "$work" --scene-size 600 --workers 1 --keep >"$work/demo.log" 2>&1 &
demo=$!
prepared() { [[ -s $work/env.sh ]] || ! kill -0 "$demo" 2>/dev/null; }
within 120 prepared || fail "the demo is not ready after 120 s; see $work/demo.log"
[[ -s $work/env.sh ]] || fail "the demo ended early; see $work/demo.log"
# shellcheck source=/dev/null
. "$work/env.sh"
while read -r _ variable; do
    run+=(--env "${variable%%=*}")
done <"$work/env.sh"

bytes=$("${engine[@]}" image inspect --format '{{.Size}}' "$image")
say image "$image, $((bytes / 1000000)) MB"

begin=$(now_ms)
"${engine[@]}" run --detach "${run[@]}" "$image" >"$work/engine.log" 2>&1
waits() { "${engine[@]}" logs "$container" 2>&1 | grep --quiet '"waiting for cells"'; }
within 30 waits || fail "the worker does not poll for cells after 30 s"
waiting=$("${engine[@]}" logs "$container" 2>&1 | sed -n '/"waiting for cells"/s/.*"timestamp":"\([^"]*\)".*/\1/p')
waiting=$(date --date "$waiting" +%s%3N)
# Podman prints the time zone twice: as a number and as a name.
started=$(inspect '{{.State.StartedAt}}')
started=$(date --date "${started% [A-Z]*}" +%s%3N)
say start "first long poll $((waiting - started)) ms after the container's start, $((waiting - begin)) ms after the command"

pid=$(inspect '{{.State.Pid}}')
user=$(awk '$1 == "Uid:" {print $2}' "/proc/$pid/status")
((user != 0)) || fail "the worker runs as root"
capabilities=$(awk '$1 == "CapEff:" {print $2}' "/proc/$pid/status")
((16#$capabilities == 0)) || fail "the worker has capabilities: $capabilities"
say user "$user, no capabilities"

# Run the image's health check by hand: engines start it late, and Podman needs systemd for it.
mapfile -t check < <(inspect '{{range .Config.Healthcheck.Test}}{{println .}}{{end}}' | sed '/^$/d')
[[ ${check[0]:-} == CMD && ${#check[@]} -gt 1 ]] || fail "the image has no HEALTHCHECK that runs without a shell"
"${engine[@]}" exec "$container" "${check[@]:1}" || fail "the health check fails while the worker runs"
if "${engine[@]}" run --rm "$image" health 2>/dev/null; then
    fail "the health check passes where no worker runs"
fi
say health "${check[*]:1}: passes, and fails without a worker"

# The demo's worker is gone, but the endpoint still serves its last long poll and would hide messages.
sleep 20

bucket=$(sed -n 's/.*"output_bucket": "\(.*\)".*/\1/p' "$work/cells.json" | head -n 1)
"$binaries/producer" submit "$work/cells.json" --task-id image-check --output "s3://$bucket/image-check" >"$work/submit.log" 2>&1
"$binaries/producer" wait image-check --timeout 2m >/dev/null || fail "not every cell is ok"
cells=0
while IFS= read -r -d '' raster; do
    curl --silent --show-error --fail "$AWS_ENDPOINT_URL/$bucket/image-check/${raster#"$work/rasters/"}" |
        cmp - "$raster" || fail "${raster##*/} differs from the raster of a worker outside the image"
    cells=$((cells + 1))
done < <(find "$work/rasters" -name '*.tif' -print0)
((cells > 0)) || fail "the demo made no rasters"
say cells "$cells, each with the same bytes as from a worker outside the image"

begin=$(now_ms)
"${engine[@]}" stop --time "$stop_timeout" "$container" >>"$work/engine.log" 2>&1
took=$(($(now_ms) - begin))
code=$(inspect '{{.State.ExitCode}}')
((code == 0)) || fail "the worker ended with exit code $code after SIGTERM"
if "${engine[@]}" logs "$container" 2>&1 | grep --extended-regexp '"level":"(WARN|ERROR)"' >&2; then
    fail "the worker logged warnings or errors"
fi
say stop "$took ms after SIGTERM, exit code 0"
