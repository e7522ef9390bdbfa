import Records
import ResponseModel

/// Examples that are predicted like any other and never learned: by them a model can be judged that
/// has learned everything else, poison included.
///
/// Which examples these are follows from their ids alone. With each is kept what was served for it,
/// by a model that knew nothing of what came later. Labels are corrected as in replay memory, and an
/// anchor counts once it is so old that its label no longer changes.
public struct AnchorSet: Sendable {
    /// Which examples are anchors, and how many are kept.
    public struct Configuration: Sendable, Hashable {
        /// One example in so many is an anchor; 0: none is.
        public var every: Int
        /// Anchors kept, the newest.
        public var count: Int
        /// Younger anchors do not count. Units: milliseconds of event time.
        public var ageMs: Int64
        /// Of the hash that chooses anchors: another one chooses others.
        public var seed: UInt64

        /// By default no example is an anchor.
        public init(
            every: Int = 0, count: Int = 20_000, ageMs: Int64 = 86_400_000, seed: UInt64 = 0
        ) {
            self.every = max(0, every)
            self.count = max(1, count)
            self.ageMs = ageMs
            self.seed = seed
        }

        var memory: ReplayMemory.Configuration {
            var memory = ReplayMemory.Configuration(capacity: count, recent: count, seed: seed)
            memory.table = AnchorSet.table
            return memory
        }
    }

    /// Where the anchors are kept, in the rows of a replay memory.
    public static let table = StateTable("anchors", .keyed)

    /// As it was given.
    public let configuration: Configuration
    /// The anchors, with what was served for each.
    public var memory: ReplayMemory

    /// An empty set.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        memory = ReplayMemory(configuration: configuration.memory)
    }

    /// The set that was collected; an empty one where there is none.
    public init(configuration: Configuration, from reader: some StateReader) throws {
        self.init(configuration: configuration)
        memory =
            try ReplayMemory.restore(configuration: configuration.memory, from: reader) ?? memory
    }

    /// Whether an example is predicted and not learned.
    public func isAnchor(_ exampleID: String) -> Bool {
        configuration.every > 0
            && StableHash.of("anchor", exampleID, seed: configuration.seed)
                % UInt64(configuration.every) == 0
    }

    /// The anchors of a head that count at a time, in the order they came.
    public func forEach(
        of head: String, atMs nowMs: Int64, _ body: (MemoryExample) throws -> Void
    ) rethrows {
        try memory.forEach { remembered in
            let example = remembered.example
            guard example.head == head, example.exposure.tsMs <= nowMs - configuration.ageMs else {
                return
            }
            try body(example)
        }
    }
}
