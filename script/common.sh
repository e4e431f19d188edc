# Sourced by the scripts of this folder: where things are, and how they speak.
set -euo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${KEELSON_CACHE:-$TOP/.cache}
export DEPENDENCIES=$CACHE/dependencies
cd "$TOP"

say() { printf '== %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# packages FILE...: the package names in lists, without comments.
packages() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@"; }

# need_packages FILE...: installs the Debian packages that are missing; without root it says the one line that does.
need_packages() {
  local missing
  missing=$(packages "$@" | while read -r name; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' && continue
    # A tool that is here by another way (a newer node with its npm, pyenv's python) is as good.
    case $name in
      npm|cmake|g++|git|unzip) command -v "$name" >/dev/null && continue ;;
      golang-go) command -v go >/dev/null && continue ;;
      python3-pip) python3 -m pip --version >/dev/null 2>&1 && continue ;;
      python3-venv) python3 -c 'import ensurepip' 2>/dev/null && continue ;;
    esac
    echo "$name"
  done)
  [ -n "$missing" ] || return 0
  missing=$(echo $missing)  # on one line
  if [ "$(id -u)" = 0 ]; then
    say "Installing Debian packages: $missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of package names
    apt-get install -y -qq --no-install-recommends $missing >"$CACHE/apt.log" 2>&1 || { tail -n 20 "$CACHE/apt.log" >&2; fail "apt-get could not install: $missing"; }
  else
    fail "Debian packages are missing. Run this once, then start again:
  sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing"
  fi
}
