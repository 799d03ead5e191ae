# What the scripts beside this file share; sourced, never run.
# It leaves the shell at the top of the tree, whatever the caller's directory was.

set -eu
cd "$(dirname "$0")/.."
top=$PWD
build=$top/build

die()
{
    echo "${0##*/}: $*" >&2
    exit 1
}

# One build or test run at a time: two in the same tree would fight over build/.
# The lock is held by the open descriptor, so it goes with the process whatever
# ends it, and the scripts that the holder calls see FERRY_LOCKED and pass.
lock_build()
{
    [ -z "${FERRY_LOCKED:-}" ] || return 0
    mkdir -p "$build"
    exec 9>"$build/.lock"
    flock -w 1800 9 || die "another script has held $build/.lock for half an hour"
    FERRY_LOCKED=$$
    export FERRY_LOCKED
}
