/// What a soak brings, and how its memory is looked at.
public struct SoakPlan: Sendable {
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
    public var samples = 100
    /// Growth from the first tenth to the end that still counts as flat: a share.
    public var tolerance = 0.05
    public var seed = 1

    public init() {}
}

/// One look at a soak.
public struct SoakSample: Codable, Sendable {
    public var events: Int
    public var seconds: Double
    /// The process's own memory; what it has of files in memory besides, which the system may take back.
    public var residentBytes: Int
    public var mappedBytes: Int
    /// Of the data file, ever used, and of those the ones that hold something.
    public var fileBytes: Int
    public var liveBytes: Int
    public var items: Int
    public var shoppers: Int
    public var vectors: Int
    public var remembered: Int
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
    /// By the least-squares line: at the first tenth's end and at the end.
    public var first: Double
    public var last: Double
    /// Growth as a share of `first`.
    public var growth: Double
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

public struct SoakReport: Codable, Sendable {
    public var samples: [SoakSample]
    public var resident: SoakTrend
    public var file: SoakTrend
    /// Of pages that hold something.
    public var live: SoakTrend
    public var eventsPerSecond: Double
    /// The largest tables of the state at the end: rows and bytes.
    public var tables: [Table]
    public var stateSHA256: String

    public struct Table: Codable, Sendable {
        public var name: String
        public var rows: Int
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
        case stateSHA256 = "state_sha256"
    }
}
