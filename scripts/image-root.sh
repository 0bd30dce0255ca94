#!/usr/bin/env bash
# Makes the root file system of the worker image. Runs in the image's build stage, on Debian of any
# architecture.
set -euo pipefail

if (($# != 2)); then
    echo "usage: image-root.sh BINARY DIR" >&2
    exit 2
fi
readonly binary=$1 root=$2

install -D "$binary" "$root/usr/bin/worker"

from_packages=()

# Into a variable first: a failure in a process substitution would go unnoticed.
libraries=$(ldd "$binary")

# All libraries go into one directory, which the loader of every architecture searches. Each keeps the
# name under which the binary requests it.
while read -r name arrow path _; do
    if [[ $name == /* ]]; then
        # The loader: the binary contains its path.
        install -D "$name" "$root$name"
        from_packages+=("$name")
    elif [[ $arrow == '=>' && $path == /* ]]; then
        install -D "$path" "$root/usr/lib/$name"
        from_packages+=("$path")
    elif [[ $arrow == '=>' ]]; then
        echo "image-root: $binary needs $name, which is not installed; install the package that has it" >&2
        exit 1
    fi
done <<<"$libraries"

# Coordinate systems. The datum grids beside them are not needed for Sentinel-2.
for file in /usr/share/proj/proj.{db,ini}; do
    install -D --mode=644 "$file" "$root$file"
    from_packages+=("$file")
done

install -D --mode=644 {,"$root"}/etc/ssl/certs/ca-certificates.crt

echo 'worker:x:65532:65532:worker:/:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'worker:x:65532:' >"$root/etc/group"
# Without it, some versions of the C library query DNS before /etc/hosts.
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
install --directory --mode=1777 "$root/tmp"

# Vulnerability scanners read these files in an image without a package manager. The licences require
# their texts.
owners() {
    local file
    for file in "${from_packages[@]}"; do
        file=$(realpath "$file")
        # A package may list /lib for a file in /usr/lib. A file without a package was built locally.
        dpkg-query --search "*${file#/usr}" 2>/dev/null | sed 's/: .*//' || true
    done
    # Its file is generated at installation, so no package lists it.
    echo ca-certificates
}
install --directory "$root/usr/share/common-licenses" "$root/var/lib/dpkg/status.d"
cp --dereference /usr/share/common-licenses/* "$root/usr/share/common-licenses/"
packages=$(owners | sort --unique)
while read -r package; do
    dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/${package%:*}"
    install -D --mode=644 {,"$root"}"/usr/share/doc/${package%:*}/copyright"
done <<<"$packages"
