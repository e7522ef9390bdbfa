import Records

/// Where something stands in the order of last use.
struct UsePlace: Sendable, Equatable {
    let number: UInt64
    /// The stream's time then; `unknownMs` before there was any.
    let atMs: Int64

    static let unknownMs = Int64.min

    func write(to writer: inout ByteWriter) {
        writer.integer(number)
        writer.integer(atMs)
    }

    init(number: UInt64, atMs: Int64) {
        self.number = number
        self.atMs = atMs
    }

    init(from reader: inout ByteReader) throws(ByteCodingError) {
        number = try reader.integer()
        atMs = try reader.integer()
    }
}

/// Items or shoppers in the order in which they were seen last, kept in the state: one row each, under
/// ascending numbers.
///
/// Who is seen again goes to the end. To spare rows that happens once in a sixteenth of the time after
/// which the unseen are forgotten.
struct LastUse: Sendable {
    let table: StateTable
    /// Whether each row is about its shopper, and so sealed.
    private let isOwned: Bool
    private(set) var first: UInt64 = 0
    private(set) var next: UInt64 = 0
    private(set) var count = 0
    /// Not yet in the state.
    private var fresh: [UInt64: [UInt8]] = [:]
    private var removed: Set<UInt64> = []

    /// Numbers without a row that are passed in one look.
    private static let gapMax = 4_096

    init(_ table: StateTable, isOwned: Bool) {
        self.table = table
        self.isOwned = isOwned
    }

    mutating func append(_ id: [UInt8], atMs: Int64) -> UsePlace {
        let place = UsePlace(number: next, atMs: atMs)
        next += 1
        count += 1
        fresh[place.number] = id
        return place
    }

    mutating func remove(_ place: UsePlace) {
        count -= 1
        if fresh.removeValue(forKey: place.number) == nil { removed.insert(place.number) }
    }

    /// What became of the one not seen for longest.
    enum Outcome: Equatable {
        /// It stays where it is, and nothing is older.
        case none
        /// Others may be older: nobody claims it, or it was seen at a time not known, and stands where one
        /// does that is seen now.
        case kept(UsePlace?)
        case forgotten
    }

    /// Takes the oldest away where `isGone` says so of the time it was seen.
    ///
    /// - Parameters:
    ///   - id: what `oldest` gave.
    ///   - place: where it stands, as it is known of itself; `nil` for what is not there any more.
    mutating func settle(
        oldest id: [UInt8], at place: UsePlace?, nowMs: Int64,
        where isGone: (_ seenMs: Int64) -> Bool
    ) -> Outcome {
        guard let place, place.number == first else {
            remove(UsePlace(number: first, atMs: 0))
            return .kept(nil)
        }
        guard place.atMs != UsePlace.unknownMs else {
            remove(place)
            return .kept(append(id, atMs: nowMs))
        }
        guard isGone(place.atMs) else { return .none }
        remove(place)
        return .forgotten
    }

    /// The one not seen for longest; `nil` where there is none, or none was reached in this look.
    mutating func oldest(in state: (any StateReader)?) throws -> [UInt8]? {
        for _ in 0..<Self.gapMax where first < next {
            if let id = fresh[first] { return id }
            if !removed.contains(first), let id = try state?.value(table, Self.key(first)) {
                return id
            }
            first += 1
        }
        return nil
    }

    mutating func collectChanges(into changes: inout StateChanges) {
        for number in removed.sorted() { changes.remove(table, Self.key(number)) }
        for (number, id) in fresh.sorted(by: { $0.key < $1.key }) {
            changes.put(
                table, Self.key(number), id, owner: isOwned ? RowOwner(bytes: id) : nil)
        }
        removed.removeAll(keepingCapacity: true)
        fresh.removeAll(keepingCapacity: true)
    }

    func writeClock(_ writer: inout ByteWriter) {
        writer.integer(first)
        writer.integer(next)
        writer.integer(Int64(count))
    }

    mutating func readClock(_ reader: inout ByteReader) throws(ByteCodingError) {
        first = try reader.integer()
        next = try reader.integer()
        count = Int(try reader.integer(Int64.self))
    }

    private static func key(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
    }
}
