#!/bin/sh
# Debian and Ubuntu keep venv's pip in a package of its own: install it, then make the venv.
set -eu
rm -rf "$1"
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
if ! command -v apt-get >/dev/null; then
  echo "python3 cannot make virtual environments here: install its venv module, then try again"
  exit 2
fi
echo "python3-venv is missing; installing it with apt-get"
$as_root apt-get update -qq
$as_root apt-get install -y -qq python3-venv
python3 -m venv "$1"
