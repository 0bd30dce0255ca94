#!/usr/bin/env bash
# Lays out the root of the worker's image. Runs in the image's build stage, on a Debian of any architecture.
set -euo pipefail

if (($# != 2)); then
    echo "usage: image-root.sh BINARY DIR" >&2
    exit 2
fi
readonly binary=$1 root=$2

install -D "$binary" "$root/usr/bin/worker"

from_packages=()

# Into a variable first: in a process substitution, its failure would go unnoticed.
libraries=$(ldd "$binary")

# Libraries go by the names that they are asked for into one directory, which the loader of every architecture searches.
while read -r name arrow path _; do
    if [[ $name == /* ]]; then
        # The loader, whose path is written in the binary.
        install -D "$name" "$root$name"
        from_packages+=("$name")
    elif [[ $arrow == '=>' && $path == /* ]]; then
        install -D "$path" "$root/usr/lib/$name"
        from_packages+=("$path")
    elif [[ $arrow == '=>' ]]; then
        echo "image-root: $binary needs $name, which is not installed" >&2
        exit 1
    fi
done <<<"$libraries"

# Coordinate systems; the grids beside them are for datums that Sentinel-2 does not have.
for file in /usr/share/proj/proj.{db,ini}; do
    install -D --mode=644 "$file" "$root$file"
    from_packages+=("$file")
done

install -D --mode=644 {,"$root"}/etc/ssl/certs/ca-certificates.crt

echo 'worker:x:65532:65532:worker:/:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'worker:x:65532:' >"$root/etc/group"
# Without it, some versions of the C library ask DNS before /etc/hosts.
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
install --directory --mode=1777 "$root/tmp"

# What scanners for vulnerable packages read in an image without a package manager, and the licences' own condition.
owners() {
    local file
    for file in "${from_packages[@]}"; do
        file=$(realpath "$file")
        # A package may say /lib of what lies in /usr/lib. What no package owns was built by somebody who knows about it.
        dpkg-query --search "*${file#/usr}" 2>/dev/null | sed 's/: .*//' || true
    done
    # Its file is made when it is installed, and so nobody's.
    echo ca-certificates
}
install --directory "$root/usr/share/common-licenses" "$root/var/lib/dpkg/status.d"
cp --dereference /usr/share/common-licenses/* "$root/usr/share/common-licenses/"
packages=$(owners | sort --unique)
while read -r package; do
    dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/${package%:*}"
    install -D --mode=644 {,"$root"}"/usr/share/doc/${package%:*}/copyright"
done <<<"$packages"
