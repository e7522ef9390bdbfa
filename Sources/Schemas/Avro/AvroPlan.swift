/// How to read what a writer wrote: steps that need no look at a schema any more.
///
/// Made once for a pair of schemas. Nodes name each other by index, so a type may contain itself.
struct AvroPlan: Sendable {
    /// What is read, and how it is written.
    enum Kind: UInt8 {
        case null, boolean
        /// An int or a long, as a number.
        case integer
        case float, double
        /// Base64, or as text where the reader says so.
        case bytes, string
        /// `first` bytes: Base64, or as text.
        case fixed, fixedText
        /// A decimal in bytes, or in `count` bytes; `first` is its scale.
        case decimal, fixedDecimal
        case date, timeMillis, timeMicros
        /// An instant, or a wall-clock time, in 10^-first seconds.
        case instant, wallClock
        case uuid, duration
        /// `count` texts from `first` on; one that is empty has no place in the reader's schema.
        case enumeration
        /// `count` steps from `first` on.
        case record
        /// Elements of node `first`.
        case array, map
        /// `count` nodes from `first` on in `branches`.
        case union
        /// `first` is a message: there is no way to read it.
        case unresolved
    }

    struct Node: Sendable {
        var kind: Kind
        var first: Int32 = 0
        var count: Int32 = 0
        /// Whether a value of it has no bytes at all, whatever the value.
        var isEmpty = false
    }

    /// One field of a record.
    struct Step: Sendable {
        /// What is written first: the brace or comma, and the name; empty where the field is
        /// passed over.
        var key: Range<Int>
        /// What is read; -1 where the key's text has the value too (a default).
        var node: Int32
    }

    var nodes: [Node] = []
    var steps: [Step] = []
    var branches: [Int32] = []
    /// Places in `text`.
    var texts: [Range<Int>] = []
    var messages: [String] = []
    /// JSON that is the same in all records.
    var text: [UInt8] = []
    var root = 0

    /// Bytes of JSON that a plan holds, at most.
    static let textMax = 16 << 20
}
