# Sourced by scripts/serve and scripts/test: goes to the project's folder and sets `python` to a Python that will do.

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# A virtual environment that is active is ours to make anew: it must not be what makes it.
PATH=${PATH//"$PWD/.venv/bin:"/}
python=
without_venv=
for candidate in python3.13 python3.12 python3.11 python3; do
    # Asking is surer than looking: a version manager's stand-ins exist for versions that they then refuse to run.
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            python=$candidate
            break
        fi
        without_venv=${without_venv:-$candidate}
    fi
done
if [[ -z $python ]]; then
    if [[ -n $without_venv ]]; then
        echo "$without_venv has no venv module. Install it (Debian: apt-get install python3-venv) and try again." >&2
    else
        echo "Python 3.11 or newer is needed and was not found. Install it and try again." >&2
    fi
    exit 1
fi
