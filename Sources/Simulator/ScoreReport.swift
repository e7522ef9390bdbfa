/// The outcome of a run, for people and for programs.
public struct ScoreReport: Encodable, Sendable {
    /// One strategy.
    public struct Row: Encodable, Sendable {
        /// Its name, as `Strategy` describes it.
        public let strategy: String
        /// Share of visits with a purchase, expected.
        public let conversion: Double
        /// Units: the shop's currency.
        public let marginPerThousandVisits: Double
        /// What a visit falls short of the oracle. Units: the shop's currency.
        public let regretPerVisit: Double

        enum CodingKeys: String, CodingKey {
            case strategy, conversion
            case marginPerThousandVisits = "margin_per_1000_visits"
            case regretPerVisit = "regret_per_visit"
        }
    }

    /// A run of visits, and every strategy at them.
    public struct Part: Encodable, Sendable {
        /// Visits made.
        public let visits: Int
        /// Visits that had an offer to go by.
        public let offersInTime: Int
        /// In the scoreboard's order.
        public let strategies: [Row]

        enum CodingKeys: String, CodingKey {
            case visits, strategies
            case offersInTime = "offers_in_time"
        }

        init(_ board: Scoreboard, _ score: Score) {
            visits = score.visits
            offersInTime = score.offers
            strategies = board.strategies.map {
                Row(
                    strategy: $0.description, conversion: board.conversion($0, score),
                    marginPerThousandVisits: 1000 * board.margin($0, score),
                    regretPerVisit: board.regret($0, score))
            }
        }
    }

    /// What really happened, by the shoppers' own dice.
    public struct Happened: Encodable, Sendable {
        /// Purchases made.
        public let purchases: Int
        /// Units bought.
        public let units: Int
        /// Purchases given back.
        public let refunds: Int
        /// Net of refunds. Units: the shop's currency.
        public let margin: Double
        /// Purchases and refunds after the end of event time, which were not told.
        public let pending: Int
    }

    /// The world's seed.
    public let seed: UInt64
    /// Events sent, those of the catalogue included.
    public let events: Int
    /// All visits.
    public let total: Part
    /// The first fifth of the visits, and the last.
    public let early: Part
    /// The last fifth.
    public let late: Part
    /// Of `VisitPlan.windowVisits` visits each, in order of time.
    public let windows: [Part]
    /// What really happened.
    public let realised: Happened

    /// The report on a run that has ended.
    public init(_ loop: ClosedLoop) {
        let board = loop.shoppers.scoreboard
        let fifth = max(1, board.windows.count / 5)
        seed = loop.shoppers.world.seed
        events = loop.eventCount
        total = Part(board, board.total)
        early = Part(board, board.score(board.windows.prefix(fifth)))
        late = Part(board, board.score(board.windows.suffix(fifth)))
        windows = board.windows.map { Part(board, $0) }
        realised = Happened(
            purchases: board.realised.purchases, units: board.realised.units,
            refunds: board.realised.refunds, margin: board.realised.margin,
            pending: loop.shoppers.pendingCount)
    }
}
