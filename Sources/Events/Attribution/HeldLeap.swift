import Records

/// A leap of event time that was taken: where it began, and how far it went.
public struct TimeLeap: Hashable, Sendable {
    /// The partition whose events leapt.
    public let position: TopicPartition
    /// Of the first event that was so far ahead, and of the last one when the leap was taken.
    public let offset: Int64
    /// The last one when the leap was taken.
    public let lastOffset: Int64
    /// What the newest time was before and after, epoch milliseconds.
    public let fromMs: Int64
    /// The newest time after it, epoch milliseconds.
    public let toMs: Int64
}

/// Events of one partition that are far ahead of all others, until it is clear whether time is.
struct HeldLeap: Sendable {
    /// Users whose events must agree, net of events that do not.
    static let vouchersMax = 8

    /// The least time of the events ahead, epoch milliseconds.
    private(set) var leastMs: Int64
    /// Of the first of them, and the last.
    let offset: Int64
    private(set) var lastOffset: Int64
    /// When that was read by the daemon's clock, where it has one.
    var sinceMs: Int64?
    private(set) var isContradicted = false
    /// Hashes of the users that count, the newest last.
    private var users: [UInt64] = []
    /// Events that agree, one a user, less events that do not.
    private var evidence = 0

    init(leastMs: Int64, offset: Int64, sinceMs: Int64?) {
        self.leastMs = leastMs
        self.offset = offset
        lastOffset = offset
        self.sinceMs = sinceMs
    }

    var isAgreed: Bool { evidence >= Self.vouchersMax }

    /// An event that is as far ahead.
    mutating func agree(_ tsMs: Int64, offset: Int64, userID: String) {
        leastMs = min(leastMs, tsMs)
        lastOffset = max(lastOffset, offset)
        let user = StableHash.of(userID, seed: 0x5eed_0003)
        guard !users.contains(user) else { return }
        if users.count == Self.vouchersMax { users.removeFirst() }
        users.append(user)
        evidence += 1
    }

    /// An event that is not.
    ///
    /// - Returns: whether as many speak against the leap as for it.
    mutating func contradict() -> Bool {
        isContradicted = true
        evidence -= 1
        return evidence <= 0
    }

    func write(to writer: inout ByteWriter) {
        writer.integer(leastMs)
        writer.integer(offset)
        writer.integer(lastOffset)
        writer.optional(sinceMs) { $0.integer($1) }
        writer.bool(isContradicted)
        writer.array(users) { $0.integer($1) }
        writer.integer(Int64(evidence))
    }

    init(from row: inout ByteReader) throws(ByteCodingError) {
        leastMs = try row.integer()
        offset = try row.integer()
        lastOffset = try row.integer()
        sinceMs = try row.optional { r throws(ByteCodingError) in try r.integer() }
        isContradicted = try row.bool()
        users = try row.array { r throws(ByteCodingError) in try r.integer() }
        evidence = Int(try row.integer(Int64.self))
    }
}

extension TimeLeap {
    func write(to writer: inout ByteWriter) {
        writer.position(position)
        for number in [offset, lastOffset, fromMs, toMs] { writer.integer(number) }
    }

    init(from row: inout ByteReader) throws(ByteCodingError) {
        self.init(
            position: try row.position(), offset: try row.integer(),
            lastOffset: try row.integer(), fromMs: try row.integer(), toMs: try row.integer())
    }
}
