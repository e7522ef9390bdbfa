extension Configuration {
    /// The HTTP interface.
    public struct HTTP: Sendable {
        /// Whether anything is served.
        public var enabled = false
        /// `localhost` or an address; any but a loopback one needs a token.
        public var host = "localhost"
        /// 0: a free one, told in the log.
        public var port = 9464
        /// File with the bearer token that changes state; empty: none.
        public var tokenFile = ""
        /// File with the bearer token that reads alone; empty: none.
        public var readTokenFile = ""
        /// TLS, where its files are set.
        public var tls = TLS()
        /// Ready while no more records than this wait.
        public var readyLag = 1_000
        /// Ready until no broker has answered for longer.
        public var brokerGraceMs = 30_000
        /// Live until a step of learning takes longer.
        public var stallAfterMs = 5 * 60_000
        /// At one time; for one more, the one longest without a whole request is closed.
        public var connectionsMax = 256
        /// How long a request may take to come, and a client to take its answer.
        public var requestTimeoutMs = 10_000
        /// How long a connection stays open between requests.
        public var idleTimeoutMs = 75_000
    }
}

extension Configuration {
    static let storeSettings: [Setting] = [
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

    static let httpSettings: [Setting] = [
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
            "File with the bearer token that changes state, also on a loopback address; empty: nothing is changed over HTTP. Read again when it changes."
        ),
        .text(
            "http.read_token_file", \.http.readTokenFile,
            "File with a bearer token that only reads. To another than a loopback address even reading needs one of the two (but /live and /ready)."
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

    static let logSettings: [Setting] = [
        .choice("log.level", \.log.level, "Lines below this level are left out."),
        .choice("log.format", \.log.format, "text for people, json for machines."),
    ]
}
