#!/usr/bin/env bash
# Run what the tests with the lowest versions choose under a later Python, that of a later Debian: trixie has 3.13, sid
# 3.14. As root on Debian, with debootstrap (apt-get install debootstrap) and some 5 GB for each; a quarter of an hour.
#
#   tests/benchmarks/later_pythons.sh trixie /var/tmp/later
#   tests/benchmarks/later_pythons.sh sid /var/tmp/later
#
# What was committed is tested, at the newest versions that pip finds. Run again, it goes on with what is there.
set -euo pipefail
suite=${1:?"give a suite of Debian, such as trixie"}
mkdir -p "${2:?"give a folder for the systems"}"
root=$(cd "$2" && pwd)/$suite
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
packages=python3,python3-venv,python3-dev,ca-certificates,ffmpeg,libatomic1,git

[[ -e $root/usr/bin/python3 ]] || debootstrap --variant=minbase --include=$packages "$suite" "$root"
# Names, certificates and what pip is told here hold there.
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
for folder in /proc /dev /opt; do
  mkdir -p "$root$folder"
  mountpoint -q "$root$folder" || mount --bind "$folder" "$root$folder"
done
trap 'umount "$root/proc" "$root/dev" "$root/opt"' EXIT
rm -rf "$root/src"
git clone --quiet "$source" "$root/src"
tests=$(make --silent -C "$source" print-lowest)
chroot "$root" bash -euo pipefail -c "
  cd /src
  python3 --version
  [[ -e /venv/bin/python ]] || python3 -m venv /venv
  /venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
  /venv/bin/python -m pip install --quiet --group datasets36 --editable '.[all,dx7,vital]'
  /venv/bin/python -m pytest $tests
"
