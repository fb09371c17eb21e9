# shellcheck shell=bash
# Private Python environments inside the checkout; sourced by `check` and `quickstart`.
#
#   environment_make NAME EXTRA   makes or refreshes .venv/NAME with the project (editable) and EXTRA ("" or "[check]");
#                                 sets $environment to its folder. A second call with nothing changed takes milliseconds.
#
# Needs: Python >= 3.11 with venv, bash and coreutils; nothing else.

checkout=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 6
}

# The first Python that is new enough and can make environments; prints its path.
find_python() {
    local candidate path
    for candidate in python3 python3.11 python3.12 python3.13 python3.14 /usr/bin/python3; do
        path=$(command -v -- "$candidate") || continue
        if "$path" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$path"
            return
        fi
    done
    fail "cannot find Python 3.11 or newer with venv; on Debian: apt-get install python3 python3-venv"
}

# Runs a command silently; shows what it said only if it failed.
quietly() {
    local said
    if ! said=$("$@" 2>&1); then
        printf '%s\n' "$said" >&2
        return 1
    fi
}

# What the environment is made from: if any of this changes, it is made anew.
environment_key() {
    local python=$1 extra=$2
    {
        printf '%s\n' "$checkout" "$extra"
        "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
        cat -- "$checkout/pyproject.toml" "$checkout/packaging/constraints.txt"
    } | sha256sum | cut -d ' ' -f 1
}

environment_install() {
    local python=$1 extra=$2
    local -a pip=("$environment/bin/python" -m pip --disable-pip-version-check --no-input install --quiet
        --constraint "$checkout/packaging/constraints.txt")
    "$python" -m venv --clear "$environment" || return
    # The build tool is pinned like everything else, so the project is built without an environment of its own.
    "${pip[@]}" setuptools || return
    "${pip[@]}" --no-build-isolation --editable "$checkout$extra"
}

environment_make() {
    local name=$1 extra=$2 python key
    python=$(find_python) || exit
    key=$(environment_key "$python" "$extra")
    environment=$checkout/.venv/$name
    mkdir -p -- "$checkout/.venv" || fail "cannot write to $checkout: clone the project into a folder of your own"
    # Two runs at a time must not build the same folder.
    exec 9>"$checkout/.venv/.lock"
    flock 9
    if [[ ! -f $environment/.key || $(<"$environment/.key") != "$key" ]]; then
        printf 'making a private Python environment in %s ...\n' "$environment" >&2
        quietly environment_install "$python" "$extra" || fail "cannot make the Python environment: see pip's words above"
        printf '%s\n' "$key" >"$environment/.key"
    fi
    exec 9>&-
}
