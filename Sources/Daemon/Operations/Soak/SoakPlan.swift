/// What a soak brings, and how its memory is looked at.
public struct SoakPlan: Sendable {
    /// Events to learn.
    public var events = 2_000_000
    /// Events a second; 0: as fast as they are learned.
    public var rate = 0
    /// Event time that they are spread over. Unit: days.
    public var days = 300.0
    /// Share of the new items that have a text, a category and a brand that nobody else has. The encoder
    /// reads each such text, some hundreds a second.
    public var newTexts = 0.02
    /// Words of an item's description.
    public var descriptionWords = 150
    /// Share of visits by shoppers, and to items, of the last 100.
    public var returning = 0.1
    /// Vectors of texts are made up, in place of the encoder's; adapters are not refreshed then.
    public var madeUpVectors = false
    /// Looks at memory and file, evenly spread.
    public var samples = 100
    /// Growth from the first tenth to the end that still counts as flat: a share.
    public var tolerance = 0.05
    /// Of all that is random in the stream.
    public var seed = 1

    /// The defaults.
    public init() {}
}

/// One look at a soak.
public struct SoakSample: Codable, Sendable {
    /// Events learned by then.
    public var events: Int
    /// Seconds since the start.
    public var seconds: Double
    /// Bytes of the process's own memory.
    public var residentBytes: Int
    /// Bytes of files in memory, which the system may take back.
    public var mappedBytes: Int
    /// Bytes of the data file that were ever used.
    public var fileBytes: Int
    /// Bytes of the data file's pages that hold something.
    public var liveBytes: Int
    /// Items of the catalogue.
    public var items: Int
    /// Shoppers known.
    public var shoppers: Int
    /// Vectors of texts kept.
    public var vectors: Int
    /// Examples in replay memory.
    public var remembered: Int
    /// Offers that wait for their outcome.
    public var openOffers: Int
    /// Of every table of the store, by name.
    public var rows: [String: Int]

    enum CodingKeys: String, CodingKey {
        case events, seconds, items, shoppers, vectors, remembered, rows
        case residentBytes = "resident_bytes"
        case mappedBytes = "mapped_bytes"
        case fileBytes = "file_bytes"
        case liveBytes = "live_bytes"
        case openOffers = "open_offers"
    }
}

/// How a figure went from the first tenth of a soak to its end.
public struct SoakTrend: Codable, Sendable {
    /// By the least-squares line, at the first tenth's end.
    public var first: Double
    /// By the same line, at the end.
    public var last: Double
    /// Growth as a share of `first`.
    public var growth: Double
    /// Whether growth is within the plan's tolerance.
    public var isFlat: Bool

    enum CodingKeys: String, CodingKey {
        case first, last, growth
        case isFlat = "flat"
    }

    /// - Parameter samples: of the whole soak; those of the first tenth do not count.
    init(
        _ samples: [SoakSample], tolerance: Double, _ value: (SoakSample) -> Int
    ) {
        let total = samples.last?.events ?? 0
        let rest = samples.filter { 10 * $0.events >= total }
        let x = rest.map { Double($0.events) }
        let y = rest.map { Double(value($0)) }
        let count = Double(max(1, rest.count))
        let (meanX, meanY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
        var (covariance, variance) = (0.0, 0.0)
        for (x, y) in zip(x, y) {
            covariance += (x - meanX) * (y - meanY)
            variance += (x - meanX) * (x - meanX)
        }
        let slope = variance > 0 ? covariance / variance : 0
        first = meanY + slope * ((x.first ?? meanX) - meanX)
        last = meanY + slope * ((x.last ?? meanX) - meanX)
        growth = first > 0 ? last / first - 1 : 0
        isFlat = growth <= tolerance
    }
}

/// What a soak came to.
public struct SoakReport: Codable, Sendable {
    /// Every look, in order.
    public var samples: [SoakSample]
    /// Of the process's own memory, in bytes.
    public var resident: SoakTrend
    /// Of the data file's bytes that were ever used.
    public var file: SoakTrend
    /// Of pages that hold something.
    public var live: SoakTrend
    /// Events learned by the seconds of the whole soak.
    public var eventsPerSecond: Double
    /// Of a batch with its commit, and whatever else was due.
    public var longestStepSeconds: Double
    /// The largest tables of the state at the end: rows and bytes.
    public var tables: [Table]
    /// Digest of the learned state at the end.
    public var stateSHA256: String

    /// One table of the store at the end.
    public struct Table: Codable, Sendable {
        /// The table's name.
        public var name: String
        /// How many rows it has.
        public var rows: Int
        /// Bytes that they take.
        public var bytes: Int
        /// The first look at which nearly all of its greatest count of rows were there, in events: where
        /// its bound is met, or near the end where it is not.
        public var fullAt: Int

        enum CodingKeys: String, CodingKey {
            case name, rows, bytes
            case fullAt = "full_at"
        }

        private static let nearly = 0.95

        static func fullAt(_ samples: [SoakSample], _ name: String) -> Int {
            let rows = samples.map { $0.rows[name] ?? 0 }
            let most = Double(rows.max() ?? 0)
            let first = rows.firstIndex { Double($0) >= nearly * most }
            return first.map { samples[$0].events } ?? 0
        }
    }

    enum CodingKeys: String, CodingKey {
        case samples, resident, file, live, tables
        case eventsPerSecond = "events_per_second"
        case longestStepSeconds = "longest_step_seconds"
        case stateSHA256 = "state_sha256"
    }
}
