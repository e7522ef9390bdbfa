# Sourced by the shell of deploy/trial/pages: how blocks are run, and the scenes that pages ask for.

out=$TRIAL/output
failures=0
set -E

say() { printf '%s\n' "$*"; }
wrong() {
    failures=$((failures + 1))
    say "   WRONG: $*"
    sed 's/^/   | /' "$out"
}

# Runs around each block. A command that fails within it is noted by its line.
begin() {
    where=$1
    : >"$out"
    failed=0 code=0
    trap 'code=$?; failed=1' ERR
}
finish() { # expected exit code
    trap - ERR
    cp "$out" "$TRIAL/$where.out"
    if [ "$1" = 0 ] && [ "$failed" = 1 ]; then
        wrong "$where ended with $code"
    elif [ "$1" != 0 ] && [ "$code" != "$1" ]; then
        wrong "$where ended with $code, not with $1"
    else
        say "ok $where"
    fi
}
expect() { grep -qE -- "$1" "$out" || wrong "$where did not print: $1"; }
play() { # where, scene, arguments
    where=$1 && shift
    say "-- $*"
    "$@" >"$out" 2>&1 || wrong "scene $*, $where"
}
done_with_page() {
    systemctl stop tidemark
    kill $(jobs -p) 2>/dev/null
    if [ "$failures" -gt 0 ]; then say "$failures wrong"; exit 1; fi
    say "every command as printed"
}

# The machine as the package leaves it, beside a development broker, and shoppers who were there a while.
shop() {
    mkdir -p /etc/tidemark /var/lib/tidemark
    tidemark broker --topic events:2 --topic discount-recommendations:2 --topic tidemark-dead-letters:1 \
        --topic clicks:1 --brokers 2 --control "$TRIAL/broker.control" --address-file "$TRIAL/address" \
        >"$TRIAL/broker.log" 2>&1 &
    until [ -s "$TRIAL/address" ]; do sleep 0.1; done
    BROKERS=$(cat "$TRIAL/address")
    cat >/etc/tidemark/tidemark.yaml <<END
model:
  base: $TRIAL_MODEL
lora:
  refresh_events: 0
  refresh_texts: 0
attribution:
  lateness: 1m
kafka:
  brokers: $BROKERS
  topics: [events]
  fetch_wait: 10ms
store:
  path: /var/lib/tidemark/store
  snapshot_events: 1500
http:
  enabled: true
END
    : >/etc/default/tidemark
    systemctl start tidemark
    visits 4000
}

visits() { tidemark simulate --brokers "$BROKERS" --visits "$1" --wait-ms 5000 && learned; }

# Until nothing waits to be learned.
learned() {
    for _ in $(seq 300); do
        curl -s http://localhost:9464/v1/status | jq -e '.lag == 0' >/dev/null && return
        sleep 0.1
    done
    return 1
}

newest() { curl -s http://localhost:9464/v1/status | jq .watermark; }

next_offset() { # partition
    curl -s http://localhost:9464/metrics |
        sed -n "s/^tidemark_partition_next_offset{topic=\"events\",partition=\"$1\"} //p"
}

fault() { python3 - "$TRIAL/broker.control" "$*" <<'END'
import socket, sys
with socket.socket(socket.AF_UNIX) as made:
    made.connect(sys.argv[1])
    made.sendall((sys.argv[2] + "\n").encode())
    answer = made.recv(1000).decode()
    print(answer, end="")
    sys.exit(not answer.startswith("ok"))
END
}

# The catalogue comes again, its prices in cents, into partition 0; then life goes on.
bad_feed() {
    FIRST=$(next_offset 0)
    kcat -C -b "$BROKERS" -t events -e -q -c 3000 | grep '"type":"item"' | head -n 300 |
        jq -c --argjson ts "$(newest)" '.event_id += "-cents" | .ts = $ts | .price *= 100' |
        kcat -P -b "$BROKERS" -t events -p 0
    sleep 1
    learned
    LAST=$(($(next_offset 0) - 1))
    visits 2000
}

# One shopper buys whatever is of one item, in partition 1.
bot() {
    FIRST=$(next_offset 1)
    ITEM=$(kcat -C -b "$BROKERS" -t events -e -q -c 3000 | grep -m 1 '"type":"item"' | jq -r .item_id)
    for number in $(seq 200); do
        jq -nc --arg item "$ITEM" --argjson ts "$(($(newest) + 60000))" --arg number "$number" \
            '{type: "click", user_id: "bot", item_id: $item, price: 20, event_id: ("bot-click-" + $number), ts: $ts},
             {type: "purchase", user_id: "bot", item_id: $item, price: 20, event_id: ("bot-buys-" + $number), ts: ($ts + 1)}'
    done | kcat -P -b "$BROKERS" -t events -p 1
    sleep 1
    learned
    LAST=$(($(next_offset 1) - 1))
    visits 1000
}

# The store's disk, of 200 MB, with a file on it that takes all the room there is.
small_disk() {
    systemctl stop tidemark
    mkdir "$TRIAL/kept" && cp -a /var/lib/tidemark/store "$TRIAL/kept"
    mount -t tmpfs -o size=200m tmpfs /var/lib/tidemark
    cp -a "$TRIAL/kept/store" /var/lib/tidemark/store
    systemctl start tidemark
    head -c 300M /dev/zero >/var/lib/tidemark/core.1234 || true
    tidemark simulate --brokers "$BROKERS" --visits 3000 --wait-ms 0
    for _ in $(seq 100); do
        curl -s http://localhost:9464/ready | grep -q "disk is full" && return
        sleep 0.2
    done
    return 1
}

# While the daemon is away, the stream goes on.
backlog() {
    systemctl stop tidemark
    tidemark simulate --brokers "$BROKERS" --visits 4000 --wait-ms 0
    systemctl start tidemark
}

broker_lost() { fault down 1; sleep 3; }
brokers_lost() { fault down all; sleep 5; }
brokers_back() { fault up all; sleep 5; learned; }

# A producer calls `item_id` `sku` from now on.
renamed_field() {
    for number in $(seq 40); do
        jq -nc --argjson ts "$(newest)" --arg number "$number" \
            '{type: "click", user_id: ("u-" + $number), sku: "item-1", price: 20, event_id: ("renamed-" + $number), ts: $ts}'
    done | kcat -P -b "$BROKERS" -t events -p 0
    for _ in $(seq 100); do
        curl -s http://localhost:9464/metrics | grep -q 'tidemark_dead_letters_total{reason="[a-z_]*"} 40' && return
        sleep 0.1
    done
    return 1
}

# As restored, under exactly_once, with the first store gone for good.
exactly_once_restored() {
    echo TIDEMARK_PUBLISH_GUARANTEE=exactly_once >/etc/default/tidemark
    export TIDEMARK_PUBLISH_GUARANTEE=exactly_once
    systemctl restart tidemark
    visits 500
    systemctl stop tidemark
    rm -rf /var/lib/tidemark/store
    cp -a /var/lib/tidemark/backup /var/lib/tidemark/store
    ! systemctl start tidemark
}
