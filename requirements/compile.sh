#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes the pinned, hashed *.txt from pyproject.toml (run) and the *.in files. Needs uv. Run it after
# a change of those; with --upgrade it also moves the pins that are free to move.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() { # <source> <name> <options...>
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-header --output-file "requirements/$2.txt" "${@:3}" "$1"
}

compile pyproject.toml run --extra demo "$@"
for name in dev oracle typings; do
    compile "requirements/$name.in" "$name" "$@"
done
