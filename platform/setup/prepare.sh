#!/bin/sh
# Makes a fresh Debian 12 machine ready for `npm run demo` and `npm test`: installs the Debian packages that are missing
# and the npm packages of package-lock.json. Prints what it installs before it does. Run by those commands; with
# everything in place it does nothing.
set -eu
cd "$(dirname "$0")/../.."

packages=$(sed 's/#.*//' platform/setup/debian-packages.txt)

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing=
for package in $packages; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=none
  [ "$status" = installed ] || missing="$missing $package"
done

# Images are made of Debian's newest packages, so apt's lists must exist and may not be long out of date: a mirror
# removes what it has replaced.
if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mtime -1 2>/dev/null | head -n 1)" ]; then
  echo 'set-up: refreshing the list of Debian packages (apt-get update)'
  as_root apt-get -qq update
fi

if [ -n "$missing" ]; then
  echo "set-up: installing Debian packages:$missing"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null
fi

if ! cmp -s package-lock.json node_modules/.domb-package-lock.json; then
  echo 'set-up: installing npm packages (npm ci, without install scripts)'
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.domb-package-lock.json
fi
