import Engine
import Records

/// Which offers stand, shopper by shopper and item by item, for a topic that holds the newest of each: and
/// when each of them ends, by event time.
///
/// Part of the ledger, as what shoppers were told is. Offers end at the boundaries of batches, which the
/// journal has: the same journal ends the same offers after the same events.
package struct OfferStates {
    /// By shopper: the offers that stand.
    package static let table = StateTable("offer_states", .ledger, keys: .owner)
    /// By end and number: whose offer it is, and of what. One more row has the next number.
    package static let ends = StateTable("offer_ends", .ledger)
    /// Offers of one shopper that stand at once, at most; for one more the oldest gives way, and leaves
    /// the topic.
    package static let standingMax = 64
    /// Offers that end with one batch, at most; the others end with the next.
    package static let endedMax = 10_000

    private static let nextKey: [UInt8] = [0xff]

    private struct Standing {
        let itemID: String
        let end: End
    }

    /// When an offer ends; offers that end at once are told apart by their number.
    private struct End: Hashable, Comparable {
        let expiresMs: Int64
        let number: UInt64

        /// In the order of their bytes; times before 1970 come first.
        var key: [UInt8] {
            var writer = ByteWriter()
            writer.integer((UInt64(bitPattern: expiresMs) ^ 1 << 63).bigEndian)
            writer.integer(number.bigEndian)
            return writer.bytes
        }

        init(expiresMs: Int64, number: UInt64) {
            self.expiresMs = expiresMs
            self.number = number
        }

        /// `nil` for a key that is none.
        init?(key: [UInt8]) {
            guard key.count == 16 else { return nil }
            func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
                bytes.reduce(0) { $0 << 8 | UInt64($1) }
            }
            expiresMs = Int64(bitPattern: word(key[..<8]) ^ 1 << 63)
            number = word(key[8...])
        }

        static func < (a: Self, b: Self) -> Bool {
            (a.expiresMs, a.number) < (b.expiresMs, b.number)
        }
    }

    /// Whose offer it is, and of what.
    private struct Pair: Hashable {
        let userID: String
        let itemID: String
    }

    /// What the topic is to say of a shopper and an item.
    package struct Word {
        package let userID: String
        package let itemID: String
        /// `nil` where the offer has ended.
        package let recommendation: Recommendation?
    }

    /// Whether a topic is told. Without one no offer stands anew, and those that stood before are ended and
    /// erased without a word.
    package let isTold: Bool
    private var next: UInt64 = 0
    /// The shoppers that the coming commit touches.
    private var changed: [String: [Standing]] = [:]
    /// What the coming commit says, the newest of each shopper and item, in order.
    private var words: [Word?] = []
    private var places: [Pair: Int] = [:]
    /// Ends that the coming commit adds, and takes away.
    private var added: [End: Pair] = [:]
    private var removed: Set<End> = []

    /// - Parameter state: the last commit's rows.
    package init(isTold: Bool = true, reading state: any StateReader) throws {
        self.isTold = isTold
        guard let row = try state.value(Self.ends, Self.nextKey) else { return }
        var reader = ByteReader(row)
        next = try reader.integer()
        try reader.finish()
    }

    /// Whether there is anything to end or to erase.
    var isUsed: Bool { isTold || next > 0 }

    /// Takes an offer that is published; it stands in the place of an earlier one of the item.
    package mutating func stand(
        _ recommendation: Recommendation, reading state: any StateReader
    ) throws {
        let userID = recommendation.userID
        var standing = try known(userID, state)
        if let place = standing.firstIndex(where: { $0.itemID == recommendation.itemID }) {
            drop(standing.remove(at: place).end)
        }
        if standing.count >= Self.standingMax {
            let oldest = standing.removeFirst()
            drop(oldest.end)
            say(Word(userID: userID, itemID: oldest.itemID, recommendation: nil))
        }
        let end = End(expiresMs: recommendation.expiresMs, number: next)
        next += 1
        added[end] = Pair(userID: userID, itemID: recommendation.itemID)
        standing.append(Standing(itemID: recommendation.itemID, end: end))
        changed[userID] = standing
        say(
            Word(
                userID: userID, itemID: recommendation.itemID, recommendation: recommendation))
    }

    /// Ends what has expired by event time, the earliest first.
    package mutating func end(through nowMs: Int64, reading state: any StateReader) throws {
        struct Enough: Error {}
        var due = added.filter { $0.key.expiresMs <= nowMs }.map { ($0.key, $0.value) }
        var found = 0
        do {
            try state.forEach(Self.ends) { key, value in
                guard let end = End(key: key), end.expiresMs <= nowMs, found < Self.endedMax else {
                    throw Enough()
                }
                guard !removed.contains(end) else { return }
                due.append((end, try Self.pair(value)))
                found += 1
            }
        } catch is Enough {}
        for (end, pair) in due.sorted(by: { $0.0 < $1.0 }).prefix(Self.endedMax) {
            var standing = try known(pair.userID, state)
            standing.removeAll { $0.end == end }
            changed[pair.userID] = standing
            drop(end)
            say(Word(userID: pair.userID, itemID: pair.itemID, recommendation: nil))
        }
    }

    /// Ends all offers of a shopper, who is erased or objects to them.
    ///
    /// - Returns: how many there were.
    @discardableResult
    package mutating func end(of userID: String, reading state: any StateReader) throws -> Int {
        let standing = try known(userID, state)
        for offer in standing {
            drop(offer.end)
            say(Word(userID: userID, itemID: offer.itemID, recommendation: nil))
        }
        changed[userID] = []
        return standing.count
    }

    /// Gives out what the commit says, and the rows that it changes.
    package mutating func collect(into changes: inout StateChanges) -> [Word] {
        for end in removed.sorted() { changes.remove(Self.ends, end.key) }
        for (userID, standing) in changed.sorted(by: { $0.key < $1.key }) {
            let owner = RowOwner(user: userID)
            guard !standing.isEmpty else {
                changes.remove(Self.table, owner.bytes)
                continue
            }
            var writer = ByteWriter()
            writer.array(standing) { writer, offer in
                writer.string(offer.itemID)
                writer.integer(offer.end.expiresMs)
                writer.integer(offer.end.number)
            }
            changes.put(Self.table, owner.bytes, writer.bytes, owner: owner)
        }
        for (end, pair) in added.sorted(by: { $0.key < $1.key }) {
            var writer = ByteWriter()
            writer.string(pair.userID)
            writer.string(pair.itemID)
            changes.put(Self.ends, end.key, writer.bytes, owner: RowOwner(user: pair.userID))
        }
        if !words.isEmpty {
            var writer = ByteWriter()
            writer.integer(next)
            changes.put(Self.ends, Self.nextKey, writer.bytes)
        }
        let said = isTold ? words.compactMap(\.self) : []
        (changed, words, places, added, removed) = ([:], [], [:], [:], [])
        return said
    }

    private mutating func drop(_ end: End) {
        if added.removeValue(forKey: end) == nil { removed.insert(end) }
    }

    private mutating func say(_ word: Word) {
        let pair = Pair(userID: word.userID, itemID: word.itemID)
        if let place = places[pair] { words[place] = nil }
        places[pair] = words.count
        words.append(word)
    }

    private func known(_ userID: String, _ state: any StateReader) throws -> [Standing] {
        if let standing = changed[userID] { return standing }
        guard let row = try state.value(Self.table, RowOwner(user: userID).bytes) else { return [] }
        var reader = ByteReader(row)
        let standing = try reader.array { r throws(ByteCodingError) in
            Standing(
                itemID: try r.string(),
                end: End(expiresMs: try r.integer(), number: try r.integer()))
        }
        try reader.finish()
        return standing
    }

    private static func pair(_ row: [UInt8]) throws(ByteCodingError) -> Pair {
        var reader = ByteReader(row)
        let pair = Pair(userID: try reader.string(), itemID: try reader.string())
        try reader.finish()
        return pair
    }
}
