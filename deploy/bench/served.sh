# Sourced by deploy/bench/console and deploy/bench/api, after deploy/setup.sh: a development broker, a daemon that is
# served over HTTP with tokens, and shoppers who visit it.

# Starts all of it in folder $1 and sets `url`, `operate` and `read_token` (files with tokens); ends it with the script.
serve() {
    local work=$1 visits=${2:-6000}
    served_children=()
    trap 'stop_serving' EXIT
    (umask 077 && head -c 24 /dev/urandom | base64 | tr -d '+/=\n' >"$work/operate" &&
        head -c 24 /dev/urandom | base64 | tr -d '+/=\n' >"$work/read")
    operate=$work/operate read_token=$work/read
    "$tidemark" broker --topic events:3 --topic discount-recommendations:3 --topic tidemark-dead-letters:1 \
        --address-file "$work/address" >"$work/broker.log" 2>&1 &
    served_children+=($!)
    wait_for "the broker" test -s "$work/address"
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    url=http://127.0.0.1:$port
    "$tidemark" run --config deploy/tidemark.example.yaml --set kafka.brokers="$(cat "$work/address")" \
        --set store.path="$work/store" --set model.base="$model" --set kafka.fetch_wait=10ms \
        --set lora.refresh_events=2000 --set lora.refresh_texts=0 --set lora.judge_events=500 --set guards.gate_slices=0 \
        --set store.snapshot_events=1000 --set attribution.lateness=1m --set http.enabled=true --set http.port="$port" \
        --set http.token_file="$operate" --set http.read_token_file="$read_token" >"$work/daemon.out" 2>"$work/daemon.log" &
    served_children+=($!)
    wait_for "the daemon" curl -sf -o /dev/null "$url/live"
    say "$visits visits of simulated shoppers"
    "$tidemark" simulate --brokers "$(cat "$work/address")" --visits "$visits" --wait-ms 2000 >"$work/simulate.out" 2>&1
    printf 'no JSON\n' | kcat -P -b "$(cat "$work/address")" -t events -p 0
    wait_for "the end of the stream" test_caught_up
}

test_caught_up() { curl -s "$url/v1/status" | grep -q '"lag" : 0'; }

wait_for() { # what, command …
    local what=$1
    shift
    for _ in $(seq 1200); do
        "$@" 2>/dev/null && return
        sleep 0.1
    done
    tail -n 20 "$work"/*.log >&2 || true
    fail 70 "$what did not come"
}

stop_serving() {
    local child
    for child in $(printf '%s\n' "${served_children[@]}" | tac); do
        kill -TERM "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    done
    [ -z "${keep-}" ] && rm -rf -- "$work"
    return 0
}
