import Encoder

extension Configuration {
    static let modelSettings: [Setting] = [
        .text(
            "model.base", \.model.base,
            "Folder of a BERT encoder in Hugging Face layout; empty: what deploy/fetch-model put in the cache."
        ),
        .integer(
            "model.max_tokens", \.model.maxTokens, 4...512,
            "Tokens read of an item's text (title, category, brand); the rest is cut."),
    ]

    static let loraSettings: [Setting] = [
        .choice(
            "lora.method", \.lora.method,
            "lora: a low-rank change of a projection's matrix; houlsby: a bottleneck behind attention_output and output, which costs time whenever a text is encoded."
        ),
        .integer(
            "lora.rank", \.lora.rank, 1...256, "Rank of each adapter, or width of a bottleneck."),
        .number(
            "lora.alpha", \.lora.alpha, 0.001...4096,
            "Scale of lora: updates count alpha / rank. A bottleneck has none."),
        .integer(
            "lora.layers", \.lora.layers, 0...64,
            "The top layers that carry adapters; 0: all of them."),
        .list(
            "lora.targets", \.lora.targets,
            expects: "a list of " + AdapterTarget.allCases.map(\.rawValue).joined(separator: ", "),
            parse: { value in
                guard case .scalar(let text) = value else { return nil }
                return AdapterTarget(rawValue: text)
            },
            write: { $0.rawValue },
            valid: { Set($0).count == $0.count },
            "Projections that carry adapters; empty: all that lora.method can change."),
        .number(
            "lora.dropout", \.lora.dropout, 0...0.9,
            "Dropout on the adapters while training; 0 with houlsby."),
        .bytes(
            "lora.prefix_cache", \.lora.prefixCacheBytes, 0...(1 << 40),
            "Bytes of cache for the frozen layers' output; 0 is off. Changes speed, never results."),
        .integer(
            "lora.refresh_events", \.lora.refreshEvents, 0...1_000_000_000,
            "Examples between two refreshes of the adapters, at most; 0: no refreshes."),
        .integer(
            "lora.refresh_texts", \.lora.refreshTexts, 0...100_000_000,
            "Distinct item texts with an outcome before the first refresh; each further one comes after half as many again as were known at the last. With fewer texts there is no refresh. 0: texts do not count, lora.refresh_events alone says when."
        ),
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

    static let headSettings: [Setting] = [
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
        .names(
            "heads.context_refused", \.heads.contextRefused,
            "Context keys that are never learned from, such as attributes that law protects, spelled as the events have them. It holds for events that come from then on."
        ),
        .flag(
            "heads.calibrated", \.heads.calibrated,
            "Whether predictions of clicks are corrected, in level and spread, by what came of earlier ones."
        ),
    ]

    static let learningSettings: [Setting] = [
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
}

extension Configuration {
    /// The response heads: what is kept in them, and how they are read.
    public struct Heads: Sendable {
        /// Items with a slot of their own; the least recently seen gives way.
        public var slots = 128
        /// Effects with full covariance, at most.
        public var denseEffects = 192
        /// Pages of eight effects; the owner not seen longest gives way.
        public var tailPages = 1 << 17
        /// Distinct context keys learned from, at most.
        public var contextKeys = 64
        /// Context keys never learned from.
        public var contextRefused: [String] = []
        /// Whether predictions of clicks are corrected by what came of earlier ones.
        public var calibrated = true
    }
}
