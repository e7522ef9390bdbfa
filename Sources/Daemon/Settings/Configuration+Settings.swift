import ContinualLearning
import Engine
import Foundation
import KafkaStream

extension Configuration {
    /// Every key there is, in the order of the example file.
    static let settings: [Setting] =
        modelSettings + loraSettings + headSettings + learningSettings + guardSettings
        + attributionSettings + pricingSettings + batchSettings + kafkaSettings + publishSettings
        + storeSettings + httpSettings + logSettings

    static let sections: [(name: String, summary: String)] = [
        ("model", "The frozen language model."),
        (
            "lora",
            "The adapters on it, the only weights of it that learn, and how they are refreshed."
        ),
        ("heads", "The response heads: what is kept of items, shoppers and their crosses."),
        ("learning", "How learning uses the machine."),
        ("guards", "What keeps learning from forgetting and from harm."),
        ("attribution", "How clicks, purchases and refunds are joined, all in event time."),
        ("pricing", "Which discounts may be offered, and how one is chosen."),
        ("batch", "How events are cut into batches."),
        ("kafka", "Where events come from."),
        ("publish", "Where recommendations and dead letters go."),
        ("store", "The LMDB store: commits, snapshots, retention."),
        ("http", "The HTTP interface: /live, /ready, /metrics and /v1/status."),
        ("log", "Log lines, on standard error."),
    ]

    private static let modelSettings: [Setting] = [
        .text(
            "model.base", \.model.base,
            "Folder of a BERT encoder in Hugging Face layout; empty: what deploy/fetch-model put in the cache."
        ),
        .integer(
            "model.max_tokens", \.model.maxTokens, 4...512,
            "Tokens read of an item's text (title, category, brand); the rest is cut."),
    ]

    private static let loraSettings: [Setting] = [
        .integer("lora.rank", \.lora.rank, 1...256, "Rank of each adapter."),
        .number("lora.alpha", \.lora.alpha, 0.001...4096, "Scale: updates count alpha / rank."),
        .integer(
            "lora.layers", \.lora.layers, 0...64,
            "The top layers that carry adapters; 0: all of them."),
        .list(
            "lora.targets", \.lora.targets,
            expects: "a list of " + LoRA.Target.allCases.map(\.rawValue).joined(separator: ", "),
            parse: { value in
                guard case .scalar(let text) = value else { return nil }
                return LoRA.Target(rawValue: text)
            },
            write: { $0.rawValue },
            valid: { !$0.isEmpty && Set($0).count == $0.count },
            "Projections that carry adapters."),
        .number("lora.dropout", \.lora.dropout, 0...0.9, "Dropout on the adapters while training."),
        .bytes(
            "lora.prefix_cache", \.lora.prefixCacheBytes, 0...(1 << 40),
            "Bytes of cache for the frozen layers' output; 0 is off. Changes speed, never results."),
        .integer(
            "lora.refresh_events", \.lora.refreshEvents, 0...1_000_000_000,
            "Examples between two refreshes of the adapters; 0: never."),
        .integer(
            "lora.judge_events", \.lora.judgeEvents, 1...1_000_000,
            "Fresh examples on which a refreshed model is judged before it may replace the old one."
        ),
        .number("lora.learning_rate", \.lora.learningRate, 0...1, "AdamW's learning rate."),
        .number("lora.weight_decay", \.lora.weightDecay, 0...1, "AdamW's decoupled weight decay."),
        .integer("lora.warmup_steps", \.lora.warmupSteps, 0...100_000, "Steps of linear warm-up."),
        .number(
            "lora.gradient_clip", \.lora.gradientClip, 0...1_000_000,
            "Largest norm of a gradient; 0: no bound."),
        .integer(
            "lora.epochs", \.lora.epochs, 1...100, "Passes over the texts in a refresh, at most."),
        .integer("lora.batch_texts", \.lora.batchTexts, 1...4096, "Texts in a training step."),
        .integer(
            "lora.folds", \.lora.folds, 1...20,
            "Trainings of a refresh, each without one part of the texts; their mean is taken. 1: one training on all texts, which nothing stops early."
        ),
    ]

    private static let headSettings: [Setting] = [
        .integer(
            "heads.slots", \.heads.slots, 8...4096,
            "Items with a slot of their own in the posterior; the least recently seen gives way."),
        .integer(
            "heads.dense_effects", \.heads.denseEffects, 16...8192,
            "Effects of flags, depths and prices with full covariance, at most."),
        .integer(
            "heads.tail_pages", \.heads.tailPages, 1024...(1 << 24),
            "Pages of eight effects of shoppers, items, categories, brands and their crosses; the owner not seen longest gives way."
        ),
        .integer(
            "heads.context_keys", \.heads.contextKeys, 0...4096,
            "Distinct context keys that are learned from, at most: the first ones, later the most used. Those left out are in the report (kept)."
        ),
    ]

    private static let learningSettings: [Setting] = [
        .integer(
            "learning.threads", \.learning.threads, 1...256,
            "Threads of the encoder. Changes speed, never results."),
        .choice(
            "learning.numerics", \.learning.numerics,
            "fast: this machine's best kernels; portable: the same bits on every AVX machine."),
        .choice(
            "learning.delayed_feedback", \.learning.delayedFeedback,
            "wait: an offer is learned once its outcome is known; the others learn it as not taken before that, and a purchase on top, weighted so that both together are right."
        ),
        .flag(
            "learning.merchant", \.learning.merchant,
            "Whether the shop's own discounts are learned as well; how well they are predicted is in the report (apprentice)."
        ),
        .number(
            "learning.weight_max", \.learning.weightMax, 1...1_000_000,
            "How many examples one may count for: a sampling_rate or propensity below its inverse counts as that, and the event is counted (weights_clipped)."
        ),
        .bytes(
            "learning.catalog_cache", \.learning.catalogCacheBytes, 0...(1 << 40),
            "Bytes of items at hand in memory; the rest are read from the store. Changes speed, never results."
        ),
        .bytes(
            "learning.shopper_cache", \.learning.shopperCacheBytes, 0...(1 << 40),
            "The same of shoppers. Changes speed, never results."),
        .bytes(
            "learning.vector_cache", \.learning.vectorCacheBytes, (1 << 20)...(1 << 40),
            "Bytes of vectors of texts, in memory and in the store; those not used for longest are encoded again when they are asked for."
        ),
        .integer(
            "learning.seed", \.learning.seed, 0...Int(Int32.max),
            "Seed of everything random."),
    ]

    private static let guardSettings: [Setting] = [
        .list(
            "guards.enabled", \.guards.enabled,
            expects: "a list of " + Guard.allCases.map(\.rawValue).joined(separator: ", "),
            parse: { value in
                guard case .scalar(let text) = value else { return nil }
                return Guard(rawValue: text)
            },
            write: { $0.rawValue }, valid: { Set($0).count == $0.count },
            "Guards of a refresh in force; `tidemark ablate` tells what each is worth on a log."),
        .integer(
            "guards.replay_examples", \.guards.replayExamples, 1_000...100_000_000,
            "Examples kept in replay memory, from which a refresh rebuilds the posterior."),
        .integer(
            "guards.replay_recent", \.guards.replayRecent, 0...100_000_000,
            "Of these, the newest are all kept; older ones are a stratified sample."),
        .number(
            "guards.gate_alpha", \.guards.gateAlpha, 0.000001...0.5,
            "Chance of a wrong verdict of the gate, over all its slices."),
        .number(
            "guards.gate_harm", \.guards.gateHarm, 0...1,
            "Harm, as a share of the log-loss, above which a refresh is rejected."),
        .integer(
            "guards.gate_slices", \.guards.gateSlices, 0...256,
            "Categories that the gate judges one by one, the largest first; 0: all together only."),
        .integer(
            "guards.anchor_every", \.guards.anchorEvery, 0...1_000_000,
            "One example in so many is an anchor: predicted, never learned, and what heads and refreshes are judged by; 0: none."
        ),
        .integer(
            "guards.anchor_examples", \.guards.anchorExamples, 1_000...10_000_000,
            "Anchors kept, the newest."),
        .duration(
            "guards.head_gate", \.guards.headGateMs, 0...(365 * 86_400_000),
            "Event time between two judgements of the heads by their anchors; 0: never, and labels are not looked at either."
        ),
        .integer(
            "guards.head_gate_examples", \.guards.headGateExamples, 1...1_000_000_000,
            "Examples between two judgements, at least."),
        .number(
            "guards.head_harm", \.guards.headHarm, 0...1,
            "Harm, as a share of the anchors' log-loss, above which heads and refreshes are rejected by them, whatever the level that all categories share."
        ),
        .integer(
            "guards.rollback_after", \.guards.rollbackAfter, 0...1_000,
            "Rejections of the heads, with no pass between, after which the weights go back to the newest state that passed; each further time takes twice as many. 0: never."
        ),
        .number(
            "guards.label_shift", \.guards.shift, 0...100,
            "Share by which the positives of a category may differ for good from what was predicted; beyond, and beyond chance, its labels have shifted or are poisoned: no refresh and no heads pass."
        ),
        .duration(
            "guards.label_shift_window", \.guards.shiftWindowMs, 0...(365 * 86_400_000),
            "Event time within which such a shift counts as sudden; what took longer is a change of the world, and is learned."
        ),
        .choice(
            "guards.on_shift", \.guards.onShift,
            "What else happens then: hold, a person decides; roll_back, it counts as a rejection of the heads."
        ),
        .number(
            "guards.ewc_strength", \.guards.ewcStrength, 0...1_000_000,
            "How firmly the guard ewc holds weights that mattered in earlier refreshes."),
        .number(
            "guards.lwf_strength", \.guards.lwfStrength, 0...1_000,
            "How much, for the guard lwf, the served model's word on a text counts beside the text's labels."
        ),
        .number(
            "guards.averaging_rate", \.guards.averagingRate, 0.0001...1,
            "What one training step counts in the running mean of the guard averaging."),
        .number(
            "guards.event_move", \.guards.eventMove, 0...100,
            "Logits by which one event may move its own prediction; 0: no bound. One logit is a factor of 2.7 in the odds. This and the next two hold once 5000 examples are learned."
        ),
        .number(
            "guards.user_move", \.guards.userMove, 0...100,
            "Logits by which all events of one shopper in a day may move what is predicted for others; 0: no bound."
        ),
        .number(
            "guards.hour_move", \.guards.hourMove, 0...100,
            "Logits by which all events of an hour may move, in net, what is predicted for anybody; 0: no bound."
        ),
        .choice(
            "guards.on_drift", \.guards.onDrift,
            "What happens when predictions get worse than they say they are: alarm alone, or the next refresh at once."
        ),
    ]

    private static let attributionSettings: [Setting] = [
        .duration(
            "attribution.window", \.attribution.windowMs, 1_000...(90 * 86_400_000),
            "A purchase this long after the offer counts for it; after that the offer counts as not taken."
        ),
        .duration(
            "attribution.wait", \.attribution.waitMs, 0...(90 * 86_400_000),
            "An offer not taken for this long is learned as not taken; what comes after it and inside the window corrects that. 0: the window (an hour of it at most for elapsed_time)."
        ),
        .choice(
            "attribution.rule", \.attribution.rule,
            "Which offer a purchase without a known recommendation id counts for: the one clicked last, or the one seen or clicked last."
        ),
        .duration(
            "attribution.lateness", \.attribution.latenessMs, 0...(30 * 86_400_000),
            "How far behind the newest event a late one may be and still be learned."),
        .duration(
            "attribution.click_window", \.attribution.clickWindowMs, 1_000...(30 * 86_400_000),
            "A click this long after an impression counts for it."),
        .duration(
            "attribution.refund_window", \.attribution.refundWindowMs, 0...(365 * 86_400_000),
            "A refund this long after its purchase corrects what was learned from it."),
        .duration(
            "attribution.duplicate_window", \.attribution.duplicateWindowMs,
            0...(30 * 86_400_000), "How long an event id is remembered."),
        .duration(
            "attribution.idle_after", \.attribution.idleAfterMs, 100...(86_400_000),
            "A partition that brought nothing for this long no longer holds windows of the others open."
        ),
        .duration(
            "attribution.skew_max", \.attribution.skewMaxMs, 0...(30 * 86_400_000),
            "An event further ahead of its Kafka timestamp, or of the daemon's clock, goes to the dead letters."
        ),
        .duration(
            "attribution.leap_max", \.attribution.leapMaxMs, 1_000...(90 * 86_400_000),
            "An event further ahead than this of all that came before does not close windows until others agree: eight shoppers of its partition, another partition, or the clock."
        ),
        .integer(
            "attribution.open_max", \.attribution.openMax, 100...100_000_000,
            "Offers waiting for an outcome; 200000 are 55 a second over an hour's wait (check --rate tells). On overflow the oldest close early, learned as not taken with the weight that is left to them."
        ),
        .integer(
            "attribution.pending_max", \.attribution.pendingMax, 100...100_000_000,
            "Events held back for the lateness; on overflow the oldest are taken early, counted as hurried."
        ),
        .integer(
            "attribution.duplicates_max", \.attribution.duplicatesMax, 100...100_000_000,
            "Event ids remembered to recognise duplicates."),
        .integer(
            "attribution.purchases_max", \.attribution.purchasesMax, 100...100_000_000,
            "Purchases remembered so that refunds find them, at most."),
    ]

    private static let pricingSettings: [Setting] = [
        .list(
            "pricing.depths", \.pricing.depths,
            expects: "a rising list of fractions in [0, 1) that starts with 0",
            parse: { value in
                guard case .scalar(let text) = value, let depth = Double(text), 0..<1 ~= depth
                else { return nil }
                return depth
            },
            write: plain,
            valid: {
                $0.first == 0 && zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } && $0.count <= 64
            },
            "Discounts that may be offered, as fractions of the list price."),
        .number(
            "pricing.maximum_depth", \.pricing.maximumDepth, 0...0.99, "No discount is deeper."),
        .number(
            "pricing.margin_floor", \.pricing.marginFloor, 0...1,
            "Margin that must remain after the discount, as a fraction of the list price."),
        .choice(
            "pricing.aim", \.pricing.aim,
            "margin: what earns most; merchant: what the shop itself would offer, as it was learned (needs learning.merchant)."
        ),
        .choice(
            "pricing.exploration", \.pricing.exploration,
            "How depths are tried that the model does not prefer: cost-bounded: by what they tell, within what it may cost; epsilon-greedy: evenly; none."
        ),
        .number(
            "pricing.explore_cost", \.pricing.exploreCost, 0...1,
            "Of cost-bounded: the share of margin that trying depths may cost; up to 101 times as much until the common answer to discounts is known."
        ),
        .number(
            "pricing.explore_max", \.pricing.exploreMax, 0...0.9,
            "Of cost-bounded: the share of decisions that try another depth, at most."),
        .number(
            "pricing.epsilon", \.pricing.epsilon, 0...1,
            "Of epsilon-greedy: the share of decisions drawn uniformly from the allowed depths."),
        .optionalNumber(
            "pricing.confidence", \.pricing.confidence, 0.5...0.999,
            "How sure it must be that a discount earns more than none, unless exploring; null: what is expected decides. Being sure first costs what is not learned meanwhile."
        ),
        .number(
            "pricing.holdout", \.pricing.holdout, 0...0.9,
            "Share of shoppers who never get a personal discount, for comparison."),
        .duration(
            "pricing.offer_lifetime", \.pricing.offerLifetimeMs, 1_000...(90 * 86_400_000),
            "How long an offered discount stands."),
        .optionalNumber(
            "pricing.cost_fraction", \.pricing.costFraction, 0...1,
            "Cost to assume, as a fraction of the list price, where the catalogue has none; null: no discount there."
        ),
        .flag(
            "pricing.at_views", \.pricing.atViews,
            "Whether impressions ask for offers as clicks do: decided over all who see the item, whether they click or not."
        ),
        .flag("pricing.kill_switch", \.pricing.killSwitch, "true: list prices only, at once."),
    ]

    private static let batchSettings: [Setting] = [
        .integer("batch.events", \.batch.events, 1...100_000, "Events in a batch, at most."),
        .duration(
            "batch.linger", \.batch.lingerMs, 0...60_000,
            "How long a batch waits to fill; 0: cut by count alone."),
    ]

    private static let kafkaSettings: [Setting] = [
        .text(
            "kafka.brokers", \.kafka.brokers, allowEmpty: false,
            "Bootstrap servers, host:port, comma-separated."),
        .list(
            "kafka.topics", \.kafka.topics,
            expects:
                "a list of topic names, or of {name: …, type: …, every_shard: …, inline: …, ignore_types: […], tombstones: delete_item or ignore}",
            parse: Kafka.Topic.init(value:),
            write: { $0.written },
            valid: { !$0.isEmpty && Set($0.map(\.name)).count == $0.count },
            "Topics to consume, any event type in any; a type given here is that of payloads without one. With shards, a catalogue that is not keyed by shopper needs every_shard: true. Payloads of ignore_types are passed over. A key without a value deletes the item it names, but with tombstones: ignore, which topics need whose keys are shoppers called as items are."
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

    private static let publishSettings: [Setting] = [
        .text(
            "publish.topic", \.publish.topic, allowEmpty: false,
            "Topic of the recommendations, keyed by user id."),
        .text(
            "publish.dead_letter_topic", \.publish.deadLetterTopic, allowEmpty: false,
            "Topic of the records that could not be used, with the reason in a header."),
        .choice(
            "publish.guarantee", \.publish.guarantee,
            "at_least_once: after a crash messages may come again, with the same bytes; exactly_once: readers of committed records (isolation.level=read_committed) see each once."
        ),
        .text(
            "publish.marker_topic", \.publish.markerTopic, allowEmpty: false,
            "Topic in which exactly_once notes how far it has published; made when it is missing."),
        .integer(
            "publish.rate_max", \.publish.rateMax, 0...1_000_000,
            "Messages published a second, at most; 0: no bound."),
        .integer(
            "publish.outbox_max", \.publish.outboxMax, 1_000...1_000_000_000,
            "Messages that may wait to be published; beyond that learning waits for the brokers."),
    ]

    private static let storeSettings: [Setting] = [
        .text(
            "store.path", \.store.path, allowEmpty: false, "Folder of the store, on a local disk."),
        .bytes(
            "store.bytes_max", \.store.bytesMax, (16 << 20)...(1 << 48),
            "Largest size of the store."),
        .flag("store.sync", \.store.sync, "Whether a commit waits until the disk has it."),
        .integer(
            "store.commit_events", \.store.commitEvents, 1...1_000_000,
            "Events between two commits, at most."),
        .duration(
            "store.commit_interval", \.store.commitMs, 1...60_000,
            "Time between two commits while events come, at most (not in a replay, which has no clock)."
        ),
        .integer(
            "store.snapshot_events", \.store.snapshotEvents, 1...1_000_000_000,
            "Events between two snapshots, at most."),
        .duration(
            "store.snapshot_interval", \.store.snapshotMs, 1_000...(30 * 86_400_000),
            "Time between two snapshots while events come, at most (not in a replay)."),
        .integer("store.keep_latest", \.store.keepLatest, 1...100_000, "Newest snapshots kept."),
        .integer(
            "store.keep_hourly", \.store.keepHourly, 0...100_000,
            "Hours of which a snapshot is kept."),
        .integer(
            "store.keep_daily", \.store.keepDaily, 0...100_000,
            "Days of which a snapshot is kept; the last of each day with all state, as tagged ones are."
        ),
        .bytes(
            "store.undo_max", \.store.undoBytesMax, (1 << 20)...(1 << 44),
            "What is kept to take the state of shoppers and items back to the other snapshots, at most: some 500 bytes for each shopper of a commit."
        ),
        .integer(
            "store.items_max", \.store.itemsMax, 1...1_000_000_000,
            "Items kept; those not seen for longest are forgotten."),
        .integer(
            "store.shoppers_max", \.store.shoppersMax, 1...1_000_000_000,
            "Shoppers whose history and offers are kept; those not seen for longest are forgotten."),
        .duration(
            "store.keep_items", \.store.keepItemsMs, 3_600_000...(3650 * 86_400_000),
            "Event time without any event of an item after which it is forgotten."),
        .duration(
            "store.keep_shoppers", \.store.keepShoppersMs, 3_600_000...(3650 * 86_400_000),
            "Event time without a click or purchase of a shopper after which history and offers are forgotten."
        ),
    ]

    private static let httpSettings: [Setting] = [
        .flag("http.enabled", \.http.enabled, "Whether the HTTP interface is served."),
        .text(
            "http.host", \.http.host, allowEmpty: false,
            "localhost or an address of this machine; any but a loopback address needs a token."),
        .integer(
            "http.port", \.http.port, 0...65_535,
            "Port; 0 takes a free one and tells it in the log."
        ),
        .text(
            "http.token_file", \.http.tokenFile,
            "File with the bearer token that requests to another than a loopback address must carry (but /live and /ready)."
        ),
        .integer(
            "http.ready_lag", \.http.readyLag, 0...Int(Int32.max),
            "Ready while no more records than this wait to be learned."),
        .duration(
            "http.broker_grace", \.http.brokerGraceMs, 0...86_400_000,
            "Ready until no broker has answered for longer than this."),
        .duration(
            "http.stall_after", \.http.stallAfterMs, 1_000...86_400_000,
            "Live until one step of the learning thread takes longer than this."),
        .integer(
            "http.connections_max", \.http.connectionsMax, 4...65_536,
            "Connections at one time; for one more, the one that has gone longest without a whole request is closed."
        ),
        .duration(
            "http.request_timeout", \.http.requestTimeoutMs, 100...600_000,
            "How long a request may take to come whole, and a client to take its answer."),
        .duration(
            "http.idle_timeout", \.http.idleTimeoutMs, 100...3_600_000,
            "How long a connection stays open between an answer and the next request."),
    ]

    private static let logSettings: [Setting] = [
        .choice("log.level", \.log.level, "Lines below this level are left out."),
        .choice("log.format", \.log.format, "text for people, json for machines."),
    ]
}

extension Configuration.Kafka.ClientSetting {
    /// What may be shown and stored of it: secrets never leave the process.
    var shown: String {
        switch value {
        case .file(let path): "{file: \(quoted(path))}"
        case .environment(let name): "{env: \(quoted(name))}"
        case .text(let text):
            quoted(KafkaConfiguration.isSecret(key) ? "(hidden)" : text)
        }
    }

    /// The value itself.
    ///
    /// - Throws: naming the key and where the value should be, never the value.
    func resolved(_ environment: [String: String]) throws(ConfigurationError) -> String {
        let place = "kafka.client.\(key)"
        switch value {
        case .text(let text): return text
        case .environment(let name):
            guard let text = environment[name] else {
                throw ConfigurationError(
                    place: place, message: "the environment has no variable \(name)")
            }
            return text
        case .file(let path):
            if SecretFile.holdsSecret(key) {
                try SecretFile.requirePrivate(path, place: place)
            }
            guard let data = FileManager.default.contents(atPath: path),
                let text = String(validating: data, as: UTF8.self)
            else {
                throw ConfigurationError(
                    place: place, message: "the file \(path) cannot be read as text")
            }
            // Editors and `echo` end a file with a line break that is no part of a password.
            return String(text.last?.isNewline == true ? text.dropLast() : text[...])
        }
    }
}

extension Configuration.Kafka.ClientSetting.Value {
    init?(value: ConfigurationValue) {
        switch value {
        case .scalar(let text): self = .text(text)
        case .map(let pairs):
            guard pairs.count == 1, case .scalar(let text) = pairs[0].value, !text.isEmpty else {
                return nil
            }
            switch pairs[0].key {
            case "file": self = .file(text)
            case "env": self = .environment(text)
            default: return nil
            }
        default: return nil
        }
    }
}
