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
        grep -q 'Learning waits' "$TRIAL/journal" && return
        sleep 0.2
    done
    return 1
}

# The store on a disk with room again.
large_disk() {
    systemctl stop tidemark
    rm -rf "$TRIAL/kept"/* && cp -a /var/lib/tidemark/store "$TRIAL/kept"
    umount /var/lib/tidemark
    rm -rf /var/lib/tidemark/store && cp -a "$TRIAL/kept/store" /var/lib/tidemark/store
    systemctl start tidemark
    learned
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

stopped() { learned; }

# What the runbook sets at its beginning, and what its questions ask for.
variables() {
    STORE=/var/lib/tidemark/store CONFIG=/etc/tidemark/tidemark.yaml URL=http://localhost:9464
    NOON=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    read -r SHOPPER ITEM < <(kcat -C -b "$BROKERS" -t discount-recommendations -o -1 -c 1 -e -q |
        jq -r '"\(.user_id) \(.item_id)"')
    kcat -P -b "$BROKERS" -t events <<<'no event'
    tidemark rollback head --store "$STORE" --reason "a drill"
}

# A small BERT of random weights, with the vocabulary of the default one.
own_encoder() {
    mkdir my-bert
    cp "$TRIAL_MODEL"/{tokenizer.json,vocab.txt,modules.json} my-bert
    mkdir my-bert/1_Pooling
    sed 's/\("word_embedding_dimension"\): [0-9]*/\1: 48/' "$TRIAL_MODEL/1_Pooling/config.json" >my-bert/1_Pooling/config.json
    python3 - "$TRIAL_MODEL/config.json" my-bert <<'END'
import array, json, random, struct, sys
config = json.load(open(sys.argv[1]))
hidden, layers = 48, 2
config.update(hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=4, intermediate_size=96)
json.dump(config, open(sys.argv[2] + "/config.json", "w"))
shapes = {"embeddings.word_embeddings.weight": (config["vocab_size"], hidden),
          "embeddings.position_embeddings.weight": (config["max_position_embeddings"], hidden),
          "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], hidden),
          "embeddings.LayerNorm.weight": (hidden,), "embeddings.LayerNorm.bias": (hidden,)}
for layer in range(layers):
    name = f"encoder.layer.{layer}."
    for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
        shapes[name + part + ".weight"], shapes[name + part + ".bias"] = (hidden, hidden), (hidden,)
    shapes[name + "intermediate.dense.weight"], shapes[name + "intermediate.dense.bias"] = (96, hidden), (96,)
    shapes[name + "output.dense.weight"], shapes[name + "output.dense.bias"] = (hidden, 96), (hidden,)
    for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
        shapes[name + norm + ".weight"], shapes[name + norm + ".bias"] = (hidden,), (hidden,)
drawn, header, body = random.Random(1), {}, b""
for name, shape in shapes.items():
    count = 1
    for length in shape:
        count *= length
    values = array.array("f", (1.0 if "LayerNorm.weight" in name else drawn.uniform(-0.1, 0.1) for _ in range(count)))
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + 4 * count]}
    body += values.tobytes()
text = json.dumps(header).encode()
open(sys.argv[2] + "/model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + body)
END
}
