import Records
import ResponseModel

/// One learned example, with everything needed to featurise and learn it again.
public struct MemoryExample: Sendable {
    /// Units of a purchase.
    public struct Units: Sendable {
        /// Net of refunds; 0 where there was none or nothing is said of them.
        public var count = 0
        /// What was expected of them when they were learned.
        public var expected: Float = 1
    }

    /// The event or decision it came from; labels are corrected by it.
    public var exampleId: String
    /// What is predicted: "click", "purchase".
    public var head: String
    /// The item that was shown.
    public var itemId: String
    /// Who saw it, when, and at which price.
    public var exposure: Exposure
    /// Whether it was clicked or bought; corrected where that changes.
    public var label: Bool
    /// What was bought of it.
    public var units = Units()
    /// The weight it was learned with; how many examples it stands for in the memory is apart.
    public var weight = 1.0
    /// The logit that was predicted before the label was known.
    public var servedLogit: Double
    /// Which encoder made the item's vector then.
    public var encoderVersion: UInt32
    /// When it was predicted, nothing was remembered that had been learned of its item: the prediction is a
    /// guess from what the item is like.
    public var isFirst = false
    /// The label was changed after it was learned, so `servedLogit` no longer tells a teacher.
    public internal(set) var isCorrected = false
    /// The place in the order of learning; given by the memory.
    public internal(set) var sequence: UInt64 = 0

    /// Takes each field as it is; weight, units and whether it is the first of its item are set afterwards
    /// where they are not 1, none and no. The memory gives the sequence number.
    public init(
        exampleId: String, head: String, itemId: String, exposure: Exposure, label: Bool,
        servedLogit: Double, encoderVersion: UInt32
    ) {
        self.exampleId = exampleId
        self.head = head
        self.itemId = itemId
        self.exposure = exposure
        self.label = label
        self.servedLogit = servedLogit
        self.encoderVersion = encoderVersion
    }
}

/// A remembered example and how many of the stream it stands for.
public struct WeightedExample: Sendable {
    /// As it is remembered.
    public var example: MemoryExample
    /// 1 for recent examples; seen / kept of its stratum for older ones.
    public var inclusionWeight: Double
}

/// A context as it is interned: equal ones are kept once.
struct InternedContext: Sendable, Equatable {
    struct Entry: Sendable, Equatable {
        var key: String
        var value: ContextValue
    }

    var entries: [Entry]

    init(_ context: [(key: String, value: ContextValue)]) {
        entries = context.map { Entry(key: $0.key, value: $0.value) }
    }

    var pairs: [(key: String, value: ContextValue)] { entries.map { ($0.key, $0.value) } }

    /// By the bits of numbers, so that -0 and NaN come back as they were.
    static func == (a: Self, b: Self) -> Bool {
        a.entries.elementsEqual(b.entries) { x, y in
            guard x.key == y.key else { return false }
            return switch (x.value, y.value) {
            case (.number(let m), .number(let n)): m.bitPattern == n.bitPattern
            case (.text(let m), .text(let n)): m == n
            default: false
            }
        }
    }

    var stableHash: UInt64 {
        var hash = StableHash()
        for entry in entries {
            hash.combine(entry.key)
            switch entry.value {
            case .number(let value): hash.combine(value.bitPattern)
            case .text(let value): hash.combine(value)
            }
        }
        return hash.value
    }
}
