# Sourced by deploy/bench/peers and deploy/bench/parity, after deploy/setup.sh: a Python environment
# with PyTorch, Transformers and PEFT.

packages+=(python3-venv)

# Makes the environment in folder $1, with $2 as PyTorch, unless it is there; sets `python`.
python_environment() {
    python=$1/bin/python
    if "$python" -c 'import torch, transformers, peft' 2>/dev/null; then return; fi
    say "Installing $2, Transformers and PEFT into $1"
    python3 -m venv "$1" || fail 69 "python3 cannot make a virtual environment"
    "$python" -m pip install --quiet --disable-pip-version-check --no-cache-dir \
        "$2" transformers peft safetensors numpy >&2 ||
        fail 69 "PyTorch and its company could not be installed"
}
