import Engine
import SnapshotStore

/// What goes out of the offers that are decided.
struct OutgoingOffers {
    /// What recommendations are framed by.
    let schemas: OutgoingSchemas
    var offers = PublishedOffers()
    /// What a topic of standing offers is told.
    var states: OfferStates
    /// The newest decisions, the newest last.
    private(set) var newest: [Recommendation] = []

    private static let newestMax = 20

    init(_ description: Learner.RunDescription, _ store: SnapshotStore) throws {
        schemas = try OutgoingSchemas(description.form, registry: description.registry, store)
        let isTold = description.publishes && !description.form.settings.stateTopic.isEmpty
        states = try store.withHead { try OfferStates(isTold: isTold, reading: $0) }
    }

    /// Takes decisions, for the coming commit where they are published.
    mutating func take(
        _ decided: [Recommendation], publishes: Bool, _ store: SnapshotStore
    ) throws {
        newest = Array((newest + decided.suffix(Self.newestMax)).suffix(Self.newestMax))
        guard publishes else {
            offers.count(unsent: decided.count)
            return
        }
        guard !decided.isEmpty else { return }
        try store.withHead { state in
            for recommendation in decided {
                let isNew = try offers.offer(recommendation, reading: state)
                if isNew, states.isTold {
                    try states.stand(recommendation, reading: state)
                }
            }
        }
    }

    /// What a shopper was told is forgotten, and what stands is ended.
    ///
    /// - Returns: how many offers were ended.
    mutating func withdraw(from userID: String, _ store: SnapshotStore) throws -> Int {
        offers.forget(userID)
        guard states.isUsed else { return 0 }
        return try store.withHead { try states.end(of: userID, reading: $0) }
    }
}
