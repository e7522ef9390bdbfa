extension Configuration {
    static let kafkaSettings: [Setting] = [
        .text(
            "kafka.brokers", \.kafka.brokers, allowEmpty: false,
            "Bootstrap servers, host:port, comma-separated."),
        .list(
            "kafka.topics", \.kafka.topics,
            expects:
                "a list of topic names, or of {name: …, type: …, every_shard: …, inline: …, ignore_types: […], tombstones: delete_item or ignore, mapping: FILE or preset: NAME, currency: EUR, decoder: json, avro, protobuf or json_schema}",
            parse: Kafka.Topic.init(value:),
            write: { $0.written },
            valid: { !$0.isEmpty && Set($0.map(\.name)).count == $0.count },
            "Topics to consume, any event type in any; a type given here is that of payloads without one. With shards, a catalogue that is not keyed by shopper needs every_shard: true. Payloads of ignore_types are passed over. A key without a value deletes the item it names, but with tombstones: ignore, which topics need whose keys are shoppers called as items are. A topic of a shop's own JSON has a mapping (deploy/docs/mapping.md): a file of rules, or a preset that comes with Tidemark, and the currency that amounts are to be in. With a decoder other than json, payloads are framed by the id of a schema in the registry (deploy/docs/schemas.md)."
        ),
        .choice(
            "kafka.inline", \.kafka.inline,
            "What item fields inside clicks, purchases and outcomes may say of an item, of logs too: texts that the catalogue does not have; all, as an item event would, but for what was deleted; none. A topic may say otherwise (inline: …)."
        ),
        .integer("kafka.shards", \.kafka.shards, 1...4096, "Daemons that share the partitions."),
        .integer(
            "kafka.shard", \.kafka.shard, 0...4095,
            "This daemon's number: it reads the partitions with partition mod shards = shard."),
        .choice(
            "kafka.partitioner", \.kafka.partitioner,
            "How the producers choose a partition by the key: murmur2 as Java's clients, crc32 as librdkafka unless told otherwise. With shards it is checked on the keys that come."
        ),
        .text(
            "kafka.group", \.kafka.group, allowEmpty: false,
            "Consumer group under which offsets are shown to lag monitors; never read back."),
        .duration(
            "kafka.discovery_interval", \.kafka.discoveryMs, 100...86_400_000,
            "How often the topics are looked at for new partitions."),
        Setting(
            key: "kafka.client",
            summary:
                "Further settings of librdkafka, passed through: TLS, SASL, buffers. A value may be {file: path} or {env: NAME}; secrets are never shown.",
            expects: "a map of librdkafka settings, each a value, {file: path} or {env: NAME}",
            read: { configuration in
                let pairs = configuration.kafka.client.map {
                    "\(quoted($0.key)): \($0.shown)"
                }
                return "{" + pairs.joined(separator: ", ") + "}"
            },
            write: { target, value in
                guard case .map(let pairs) = value else {
                    target.kafka.client = []
                    return value == .null
                }
                let settings = pairs.compactMap { pair -> Kafka.ClientSetting? in
                    Kafka.ClientSetting.Value(value: pair.value).map {
                        Kafka.ClientSetting(key: pair.key, value: $0)
                    }
                }
                target.kafka.client = settings
                // A key that is a list or a map has no text.
                return settings.count == pairs.count && settings.allSatisfy { !$0.key.isEmpty }
                    && Set(settings.map(\.key)).count == settings.count
            }),
        .bytes(
            "kafka.queue_bytes", \.kafka.queueBytes, (1 << 20)...(1 << 36),
            "Bytes of fetched records that may wait to be learned."),
        .duration(
            "kafka.fetch_wait", \.kafka.fetchWaitMs, 1...60_000,
            "How long a broker may hold a fetch that has nothing to give."),
        .duration(
            "kafka.connect_timeout", \.kafka.connectTimeoutMs, 100...600_000,
            "How long to try to reach the brokers at the start."),
        .choice(
            "kafka.on_gap", \.kafka.onGap,
            "When the cluster is another one, or records were deleted before they were read: stop, or accept the loss and go on."
        ),
    ]
}
