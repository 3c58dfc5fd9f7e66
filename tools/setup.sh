#!/bin/sh
# Makes .venv hold exactly what a requirements file pins, and puts this checkout on its path.
#
#   sh tools/setup.sh runtime|test
#
# Nothing is fetched when a stamp in .venv says that the work is done already, so every command of the
# Makefile works offline from the second time on. $PYTHON chooses the interpreter; without it the one in
# .venv is kept, or the first that is new enough is taken.
set -eu

kind=${1:?usage: setup.sh runtime|test}
cd "$(dirname "$0")/.."
here=$(pwd -P)
venv=.venv
oldest='3, 11'

say() { printf '%s\n' "orderwire: $*" >&2; }
fail() { say "$@"; exit 1; }

new_enough() { "$1" -c "import sys; sys.exit(sys.version_info < ($oldest))" >/dev/null 2>&1; }
identity() { "$1" -c 'import sys; print(sys.base_prefix, sys.version)' 2>/dev/null || echo none; }
digest() { cat requirements/runtime.txt requirements/"$1".txt tools/setup.sh | cksum; }
stamp_of() { printf '%s\n%s\n%s\n' "$here" "$(identity $venv/bin/python)" "$(digest "$1")"; }
is_current() { [ -f "$venv/stamp-$1" ] && [ "$(stamp_of "$1")" = "$(cat "$venv/stamp-$1")" ]; }

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || fail "PYTHON=$PYTHON does not run, or is older than Python 3.11."
        echo "$PYTHON"
        return
    fi
    for candidate in python3.11 python3.12 python3.13 python3; do
        if new_enough "$candidate"; then echo "$candidate"; return; fi
    done
    fail "needs Python 3.11 or newer. On Debian or Ubuntu: sudo apt-get install python3 python3-venv"
}

# Debian splits pip's bootstrap off into a package of its own; three ways round that, the plainest first.
make_venv() {
    python=$1
    rm -rf "$venv"
    "$python" -m venv "$venv" >/dev/null 2>&1 && return
    rm -rf "$venv"
    if "$python" -m pip --python "$python" --version >/dev/null 2>&1; then
        say "python3-venv is missing: using the pip of $python."
        "$python" -m venv --without-pip "$venv"
        return
    fi
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "$package is missing: installing it with apt-get."
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y "$package"; } >&2 \
            && "$python" -m venv "$venv" && return
    fi
    fail "$python cannot make a virtual environment. Type: sudo apt-get install $package"
}

pip_install() {
    if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$venv/bin/python" -m pip install --disable-pip-version-check --quiet "$@"
    else
        "$python" -m pip --python "$venv/bin/python" install --disable-pip-version-check --quiet "$@"
    fi
}

# The package runs from src/: one .pth line, and a launcher that finds its interpreter beside itself.
# No build, so no build tools; and a path with a space in it can stand in no `#!` line.
link_package() {
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$here/src" >"$site/orderwire.pth"
    cat >"$venv/bin/orderwire" <<'LAUNCHER'
#!/bin/sh
'''exec' "$(dirname "$(readlink -f "$0")")/python" -P "$0" "$@"
' '''
import sys

from orderwire.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
LAUNCHER
    chmod +x "$venv/bin/orderwire"
}

# Two commands started at once must not install into the same folder.
if command -v flock >/dev/null 2>&1; then
    exec 9>"$venv.lock"
    flock 9
fi

if is_current "$kind" && { [ -z "${PYTHON:-}" ] || [ "$(identity "$PYTHON")" = "$(identity $venv/bin/python)" ]; }; then
    exit 0
fi

# An environment of another checkout or interpreter is made anew; one with older pins is brought up to date.
python=$venv/bin/python
if ! new_enough "$python" || [ "$(cat $venv/checkout 2>/dev/null)" != "$here" ] \
    || { [ -n "${PYTHON:-}" ] && [ "$(identity "$PYTHON")" != "$(identity "$python")" ]; }; then
    python=$(choose_python)
    make_venv "$python"
    printf '%s\n' "$here" >"$venv/checkout"
fi
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || [ "$python" != "$venv/bin/python" ] || python=$(choose_python)

say "installing requirements/$kind.txt into $venv ($("$venv/bin/python" -V))"
rm -f "$venv"/stamp-*
pip_install --require-hashes -r "requirements/$kind.txt"
link_package
stamp_of runtime >"$venv/stamp-runtime"  # test.txt holds all of runtime.txt, at the same versions
[ "$kind" = runtime ] || stamp_of "$kind" >"$venv/stamp-$kind"
