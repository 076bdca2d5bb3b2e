#!/bin/sh
# The portable engine under memcheck with its secrets declared undefined: it must find nothing
# there, and must find the leak that is planted for it. Needs valgrind.
set -eu
cd "$(dirname "$0")/.."
cargo build --quiet --release -p pairsmith-benches --bin memcheck
program=target/release/memcheck
valgrind --quiet --error-exitcode=1 "$program"
if valgrind --quiet --error-exitcode=1 "$program" leak; then
    echo "memcheck did not see the planted leak" >&2
    exit 1
fi
echo "no branch and no address of the portable engine depends on a secret"
