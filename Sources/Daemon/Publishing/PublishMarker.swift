import Foundation

/// What a transaction says of itself in the marker topic, keyed by the store's id: how far the
/// outbox has been published, and by which run of a daemon.
package struct PublishMarker: Codable, Equatable {
    package var store: String
    package var lineage: UInt32
    /// The first message of the outbox that has not been published.
    package var next: UInt64
    /// A name that one run of a daemon has to itself.
    package var instance: String

    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return Array(try encoder.encode(self))
    }

    package init(store: String, lineage: UInt32, next: UInt64, instance: String) {
        self.store = store
        self.lineage = lineage
        self.next = next
        self.instance = instance
    }

    package init(encoded bytes: [UInt8]) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(bytes))
    }
}

/// Whether a store may publish, given the last marker under its name: a pure decision.
///
/// A store that was copied has an id that its copy has too. Of the two, only the one that goes on
/// from the last marker may publish: whoever is behind it, or did not write it, is refused.
package struct PublishingClaim: Equatable {
    /// The first message to send.
    package let next: UInt64

    /// - Parameters:
    ///   - marker: the last one in the topic.
    ///   - known: the runs that published for this store on this cluster, as the store remembers.
    ///   - made: how many messages the store has ever put into its outbox.
    ///   - waiting: how many of them are still there.
    package init(
        marker: PublishMarker?, known: [String], made: UInt64, waiting: Int, topic: String,
        takesOver: Bool
    ) throws(PublishingError) {
        guard let marker else {
            guard known.isEmpty || waiting == 0 || takesOver else {
                throw .noMarker(topic: topic, waiting: waiting)
            }
            next = 0
            return
        }
        if !takesOver {
            guard marker.next <= made else {
                throw .olderCopy(topic: topic, published: marker.next, has: made)
            }
            guard known.contains(marker.instance) else { throw .otherCopy(topic: topic) }
        }
        next = marker.next
    }
}
