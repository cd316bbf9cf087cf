#!/bin/sh
# Sets up what a command needs on Debian 12: the npm packages of package-lock.json, and for each PURPOSE given the Debian packages
# that debian-packages.txt names for it. It says what it does before it does it; with everything in place it does nothing.
# `lists` is the list of packages that apt knows, `demo` what npm run demo needs, `test` everything. `missing PURPOSE...` only
# prints the packages that are missing.
set -eu
cd "$(dirname "$0")/../.."

say() { echo "set-up: $*" >&2; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@" >/dev/null; else sudo "$@" >/dev/null; fi
}

# Images are made of Debian's newest packages, so apt's lists must exist and may not be long out of date: a mirror
# removes what it has replaced.
# The stamp is ours: apt leaves a list that did not change as old as it was.
refresh_lists() {
  stamp="${XDG_CACHE_HOME:-$HOME/.cache}/domb/apt-lists-refreshed"
  [ -z "$(find "$stamp" -mtime -1 2>/dev/null)" ] || return 0
  say 'refreshing the list of Debian packages (apt-get update)'
  mkdir -p "$(dirname "$stamp")"
  if as_root apt-get -qq update; then
    : >"$stamp"
  else
    say 'apt-get update failed; going on with the lists that are there'
  fi
}

# Those of debian-packages.txt for any of the purposes.
packages_for() {
  sed 's/#.*//' platform/setup/debian-packages.txt | while read -r package purposes; do
    for wanted; do
      case "$wanted,$purposes," in
        test,*) ;;
        demo,tests,) continue ;;
        demo,*) ;;
        *) case ",$purposes," in *",$wanted,"*) ;; *) continue ;; esac ;;
      esac
      [ -z "$package" ] || echo "$package"
      break
    done
  done
}

missing_of() {
  command -v dpkg-query >/dev/null || return 0
  # It complains of those that dpkg never heard of, and names the others.
  states=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null) || :
  for package; do
    printf '%s\n' "$states" | grep -qx "installed $package" || printf ' %s' "$package"
  done
}

install_for() {
  packages=$(packages_for "$@")
  [ -n "$packages" ] || return 0
  missing=$(missing_of $packages)
  [ -n "$missing" ] || return 0
  refresh_lists
  say "installing Debian packages:$missing"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing
}

if [ "${1-}" = missing ]; then
  shift
  packages=$(packages_for "$@")
  [ -z "$packages" ] || missing_of $packages
  exit
fi

# Packages behind a link are another checkout's, which sets them up itself: `npm ci` would empty it.
if [ ! -L node_modules ] && ! cmp -s package-lock.json node_modules/.domb-package-lock.json; then
  say 'installing npm packages (npm ci, without install scripts)'
  # With the Node that npm was started with, not with the pinned one that `npm run` puts before it.
  ${npm_node_execpath:+"$npm_node_execpath"} "${npm_execpath:-npm}" ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json node_modules/.domb-package-lock.json
fi

case " $* " in *' lists '* | *' demo '* | *' test '*) refresh_lists ;; esac
install_for "$@"
