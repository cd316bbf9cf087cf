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

newline='
'
# It complains of those that dpkg never heard of, and names the others.
states=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $packages 2>/dev/null) || :
missing=
for package in $packages; do
  case "$newline$states$newline" in
    *"${newline}installed $package$newline"*) ;;
    *) missing="$missing $package" ;;
  esac
done

# Images are made of Debian's newest packages, so apt's lists must exist and may not be long out of date: a mirror
# removes what it has replaced.
# The stamp is ours: apt leaves a list that did not change as old as it was.
stamp="${XDG_CACHE_HOME:-$HOME/.cache}/domb/apt-lists-refreshed"
if [ -z "$(find "$stamp" -mtime -1 2>/dev/null)" ]; then
  echo 'set-up: refreshing the list of Debian packages (apt-get update)'
  mkdir -p "$(dirname "$stamp")"
  if as_root apt-get -qq update; then
    : >"$stamp"
  else
    echo 'set-up: apt-get update failed; going on with the lists that are there' >&2
  fi
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
