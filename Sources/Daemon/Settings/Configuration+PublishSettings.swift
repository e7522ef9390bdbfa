import Mapping

extension Configuration {
    /// Where recommendations and dead letters go, and in what shape.
    public struct Publish: Sendable {
        /// The topic of recommendations.
        public var topic = "discount-recommendations"
        /// Topic of records that could not be used.
        public var deadLetterTopic = "tidemark-dead-letters"
        /// What readers can rely on.
        public var guarantee = Guarantee.atLeastOnce
        /// Topic in which exactly_once notes how far it has published.
        public var markerTopic = "tidemark-markers"
        /// Messages a second, at most; 0: no bound.
        public var rateMax = 0
        /// Messages that may wait; beyond, learning waits for the brokers.
        public var outboxMax = 1_000_000
        /// What a recommendation is written as.
        public var format = Format.json
        /// Whether schemas that the registry does not have are registered.
        public var registers = true
        /// What a recommendation is put into.
        public var envelope = Envelope.none
        /// `source` of CloudEvents.
        public var source = "tidemark"
        /// What a record's key names.
        public var key = Key.user
        /// Whether records say by headers what decided.
        public var headers = false
        /// Topic of the offers that stand; empty: none.
        public var stateTopic = ""
        /// Whether a recommendation says its discount for a checkout.
        public var discounts = Discounts.none
        /// What a shopper reads of such a discount.
        public var discountTitle = "Personal offer"
        /// What prices are in, for amounts in minor units.
        public var currency = ""
        /// What law asks to be said of personal prices; empty: nothing.
        public var disclosure = ""

        /// Whether a message may come again after a crash, or is seen once.
        public enum Guarantee: String, Sendable, CaseIterable {
            case atLeastOnce = "at_least_once"
            case exactlyOnce = "exactly_once"
        }

        /// JSON as it is, or by a schema that is registered.
        public enum Format: String, Sendable, CaseIterable {
            case json, avro, protobuf
            case jsonSchema = "json_schema"
        }

        /// Nothing, or a CloudEvent in either of its modes.
        public enum Envelope: String, Sendable, CaseIterable {
            case none
            /// One JSON document.
            case structured = "cloudevents"
            /// Attributes as headers.
            case binary = "cloudevents_binary"
        }

        /// Whom or what a record is about.
        public enum Key: String, Sendable, CaseIterable {
            case user, item
            case userItem = "user_item"
        }

        /// By the Universal Commerce Protocol, applied by itself or by a code.
        public enum Discounts: String, Sendable, CaseIterable {
            case none, ucp
            case ucpCode = "ucp_code"
        }
    }

    static let publishSettings: [Setting] = [
        .text(
            "publish.topic", \.publish.topic, allowEmpty: false, "Topic of the recommendations."),
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
        .choice(
            "publish.format", \.publish.format,
            "What a recommendation is written as (deploy/docs/publishing.md). avro, protobuf and json_schema are framed as Confluent's serializers do it, by the id that the registry gives the schema under TOPIC-value; schemas/ has the schemas."
        ),
        .flag(
            "publish.register_schemas", \.publish.registers,
            "Whether a schema that the registry does not have is registered; false: it must be there."
        ),
        .choice(
            "publish.envelope", \.publish.envelope,
            "cloudevents: a CloudEvent in structured mode, one JSON document; cloudevents_binary: its attributes are headers (ce_*), for every format."
        ),
        .text(
            "publish.source", \.publish.source, allowEmpty: false,
            "The source that CloudEvents name, a URI or a part of one."),
        .choice(
            "publish.key", \.publish.key,
            "What the key of a recommendation names; user_item: user|item, with a backslash before a backslash or a bar in either."
        ),
        .flag(
            "publish.headers", \.publish.headers,
            "Whether recommendations have headers: tidemark-snapshot, tidemark-lineage, tidemark-schema-version."
        ),
        .text(
            "publish.state_topic", \.publish.stateTopic,
            "A compacted topic with the newest offer of each shopper and item, by the key user|item, and a tombstone when it ends; empty: none."
        ),
        .choice(
            "publish.discounts", \.publish.discounts,
            "Whether recommendations have discounts[] for a checkout, as the Universal Commerce Protocol's discount extension: ucp, applied by itself; ucp_code, by the recommendation's id as the code."
        ),
        .text(
            "publish.discount_title", \.publish.discountTitle, allowEmpty: false,
            "The title of such a discount, for shoppers to read."),
        .text(
            "publish.currency", \.publish.currency,
            "The currency of all prices (ISO 4217), for discounts in its minor units."),
        .text(
            "publish.disclosure", \.publish.disclosure,
            "A code for what law asks to be said of a personal price; where there is one, recommendations have it, and personalised: true or false."
        ),
    ]
}

extension Configuration.Publish {
    /// Every topic that may be written to.
    var topics: [String] {
        [topic, deadLetterTopic, markerTopic] + (stateTopic.isEmpty ? [] : [stateTopic])
    }

    /// What no single key can tell.
    ///
    /// - Parameter refuse: takes a key and what is wrong with it.
    func validate(
        _ registry: Configuration.Registry, _ refuse: (_ key: String, _ message: String) -> Void
    ) {
        if guarantee == .exactlyOnce, [topic, deadLetterTopic, stateTopic].contains(markerTopic) {
            refuse("publish.marker_topic", "must be a topic of its own")
        }
        if !stateTopic.isEmpty, [topic, deadLetterTopic].contains(stateTopic) {
            refuse("publish.state_topic", "must be a topic of its own: it is compacted")
        }
        if format != .json, registry.url.isEmpty {
            refuse("registry.url", "is needed: publish.format is \(format.rawValue)")
        }
        if format != .json, envelope == .structured {
            refuse(
                "publish.envelope",
                "must not be cloudevents where publish.format is \(format.rawValue): a structured CloudEvent is JSON; cloudevents_binary fits every format"
            )
        }
        if !currency.isEmpty, !Currency.isCode(currency) {
            refuse("publish.currency", "must be a code of three capital letters, like EUR")
        }
        if discounts != .none, currency.isEmpty {
            refuse(
                "publish.currency",
                "is needed: publish.discounts is \(discounts.rawValue), whose amounts are in minor units"
            )
        }
    }
}
