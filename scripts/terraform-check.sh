#!/usr/bin/env bash
# Checks terraform/ without a cloud account. TERRAFORM_LANES is the directory of schema-lane.sh and
# old-provider-lane.sh, TERRAFORM_TOOLS the directory that their setup.sh filled. A check whose tool is
# missing is skipped, with a line that says so.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly module=$PWD/terraform
readonly lanes=${TERRAFORM_LANES:+$(realpath -m "$TERRAFORM_LANES")}
tools=$(realpath -m "${TERRAFORM_TOOLS:-.cache/terraform-tools}")
readonly tools
export PATH=$PATH:$tools/venv/bin:$tools/checkov/bin
export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=()

# check NAME SUMMARY COMMAND…: runs the command. Prints all of its output if it fails, else only the lines
# that match SUMMARY.
check() {
    local name=$1 summary=$2 began=$SECONDS
    shift 2
    if "$@" > "$scratch/log" 2>&1; then
        echo "terraform: $name ok, $((SECONDS - began)) s"
        if [[ -n $summary ]]; then grep "$summary" "$scratch/log" | sed 's/^/    /' || true; fi
    else
        echo "terraform: $name FAILED, $((SECONDS - began)) s"
        sed 's/^/    /' "$scratch/log"
        failed+=("$name")
    fi
}

skip() {
    echo "terraform: $1 skipped: $2"
}

lane() {
    [[ -n $lanes && -x $lanes/$1 && -x $tools/venv/bin/python ]]
}
readonly lane_missing="the directory TERRAFORM_LANES does not have it, or its setup.sh has not filled $tools"

format() {
    terraform fmt -check -diff -recursive "$module"
}

schema() {
    "$lanes/schema-lane.sh" "$module" "$tools"
}

# Without a budget: the emulator has none.
old_provider() {
    "$lanes/old-provider-lane.sh" "$module" "$tools" "$module/tests/old-provider.allow" -- \
        -var image_tag=0.1.0 -var 'notification_emails=["a@example.com"]'
}

policies() {
    checkov --directory "$module" --framework terraform --compact --quiet --skip-download
}

# Terraform renders a machine's script with sample values.
render() {
    cp -r "$module/host" "$scratch/host"
    terraform -chdir="$scratch/host" init -input=false
    terraform -chdir="$scratch/host" apply -auto-approve -input=false \
        -var region=eu-central-1 -var image=123456789012.dkr.ecr.eu-central-1.amazonaws.com/tilefleet-worker:0.1.0 \
        -var log_group=/tilefleet/worker -var grace_seconds=100 -var 'environment={TILEFLEET_TABLE="tilefleet-ledger"}'
    terraform -chdir="$scratch/host" output -raw user_data > "$scratch/user-data.sh"
}

user_data() {
    render && shellcheck "$scratch/user-data.sh"
}

if command -v terraform > /dev/null; then
    check "format" '' format
    if lane schema-lane.sh; then
        check "validate and test" '^Success' schema
    else
        skip "validate and test" "$lane_missing"
    fi
    if lane old-provider-lane.sh; then
        check "apply and destroy" 'complete! Resources' old_provider
    else
        skip "apply and destroy" "$lane_missing"
    fi
    if command -v shellcheck > /dev/null; then
        check "user data" '' user_data
    else
        skip "user data" "shellcheck is not installed"
    fi
else
    for name in "format" "validate and test" "apply and destroy" "user data"; do
        skip "$name" "terraform is not installed"
    done
fi
if command -v checkov > /dev/null; then
    check "checkov" '^Passed' policies
else
    skip "checkov" "checkov is not installed"
fi
# The image that the machines run.
if command -v hadolint > /dev/null; then
    check "Dockerfile" '' hadolint Dockerfile
else
    skip "Dockerfile" "hadolint is not installed"
fi

if ((${#failed[@]})); then
    echo "terraform: ${#failed[@]} failed" >&2
    exit 1
fi
