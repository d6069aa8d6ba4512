#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The promise of the README on a machine that has nothing: a bare Debian 12 in a chroot, a clone of the committed
# tree, ./dev up --detach, then every curl request of the README (or, without one, those that `up` prints).
#
# With --test also ./dev test there, which must end with no failure (a quarter of an hour).
#
# usage: tests/fresh.sh [--test] [FOLDER]   needs root, debootstrap and a Debian mirror; skips (exit 77) saying what is missing.
# FOLDER (default /var/tmp/meridian-fresh) is made anew; a base system kept beside it (FOLDER.base) is used again.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
test=
if [ "${1:-}" = --test ]; then
  test=1
  shift
fi
folder=${1:-/var/tmp/meridian-fresh}
base=$folder.base
mirror=${MERIDIAN_MIRROR:-}
export MERIDIAN_PORT_BASE=${MERIDIAN_PORT_BASE:-28000} # a whole thousand

skip() { echo "skipped: $*"; exit 77; }
say() { echo "[fresh $(date +%T)] $*"; }

[ "$(id -u)" -eq 0 ] || skip "a chroot needs root"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"
if [ -z "$mirror" ]; then
  mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\?\(http[^ ]*debian\/\?\) bookworm .*/\2/p; s/^URIs: *\(http[^ ]*debian\/\?\)$/\1/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
  mirror=${mirror:-http://deb.debian.org/debian}
fi

inside() { chroot "$folder" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
  MERIDIAN_PORT_BASE="$MERIDIAN_PORT_BASE" "$@"; }

mounted=()
cleanup() {
  local status=$?
  [ -x "$folder/src/dev" ] && inside /src/dev down >/dev/null 2>&1
  for ((i = ${#mounted[@]} - 1; i >= 0; i--)); do umount -l "${mounted[$i]}"; done
  [ $status -eq 0 ] && rm -rf --one-file-system "$folder"
  exit $status
}
trap cleanup EXIT

if [ ! -e "$base/etc/debian_version" ]; then
  say "debootstrap from $mirror"
  rm -rf --one-file-system "$base.new"
  # python3 and sudo are what even a bare server has; everything else ./dev must bring itself.
  debootstrap --variant=minbase --include=ca-certificates bookworm "$base.new" "$mirror" >"$folder.log" 2>&1 || {
    tail -n 3 "$folder.log"
    skip "no Debian mirror answers at $mirror"
  }
  mv "$base.new" "$base"
fi
rm -rf --one-file-system "$folder"
cp -a "$base" "$folder"
rm -f "$folder/etc/apt/sources.list"
cp /etc/resolv.conf "$folder/etc/resolv.conf"
for file in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/trusted.gpg.d /usr/share/keyrings; do
  [ -e "$file" ] && mkdir -p "$folder$(dirname "$file")" && cp -a "$file" "$folder$(dirname "$file")/"
done
# Services of packages must not start by themselves inside a chroot.
printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
chmod +x "$folder/usr/sbin/policy-rc.d"
for mount in proc dev sys; do
  mount --rbind "/$mount" "$folder/$mount"
  mount --make-rslave "$folder/$mount"
  mounted+=("$folder/$mount")
done

git clone -q --no-hardlinks "$root" "$folder/src"
say "./dev up --detach of $(git -C "$root" rev-parse --short HEAD)"
inside /src/dev up --detach | tee "$folder/up.log"
say "up"

# The requests: every fenced shell block of the README that begins with curl, else what `up` printed.
requests=$(awk '/^```/ { inblock = !inblock && /sh|console/; next } inblock' "$root/README.md" 2>/dev/null |
  awk '/^curl / { take = 1 } take { print } take && !/\\$/ { take = 0; print "" }')
[ -n "$requests" ] || requests=$(awk '/^curl / { take = 1 } take { print } take && !/\\$/ { take = 0; print "" }' "$folder/up.log")
[ -n "$requests" ] || { echo "no request to try"; exit 1; }
# The README writes the default ports.
requests=${requests//127.0.0.1:21/127.0.0.1:${MERIDIAN_PORT_BASE%000}}
passed=0
while IFS= read -r -d '' request; do
  answer=$(inside bash -c "cd /src && $request")
  if grep -q '"data":{' <<<"$answer" && ! grep -q '"errors"' <<<"$answer"; then
    passed=$((passed + 1))
  else
    printf 'FAIL %s\n%s\n' "$request" "$answer"
    exit 1
  fi
done < <(awk 'BEGIN { RS = ""; ORS = "\0" } { print }' <<<"$requests")
say "$passed requests answered with data and without errors"

if [ -n "$test" ]; then
  inside /src/dev down >/dev/null
  say "./dev test"
  inside /src/dev test >"$folder.test.log" 2>&1 || true
  tail -n 1 "$folder.test.log"
  tail -n 1 "$folder.test.log" | grep -q ' passed, 0 failed$' || { grep '^FAIL' "$folder.test.log"; exit 1; }
  say "tested"
fi
