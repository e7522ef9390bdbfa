import Records

extension AttributionJoin {
    /// Writes the rows that changed since the last call, and forgets that they did.
    public mutating func collectChanges(into changes: inout StateChanges) {
        duplicates.collectChanges(into: &changes)
        pending.collectChanges(into: &changes)
        open.collectChanges(into: &changes)
        sold.collectChanges(into: &changes)
        var clock = ByteWriter()
        pending.writeClock(&clock)
        open.writeClock(&clock)
        sold.writeClock(&clock)
        clock.integer(clickCursor)
        clock.integer(waitCursor)
        clock.integer(windowCursor)
        watermarks.write(&clock)
        clock.array(JoinCounts.fields) { $0.integer(counts[keyPath: $1]) }
        witnesses.write(&clock)
        watermarks.writeLeaps(&clock)
        changes.put(Self.clockTable, Self.clockKey, clock.bytes)
    }

    private static let clockKey = Array("clock".utf8)

    /// The join that `collectChanges` wrote, bit for bit; a new one where nothing was written.
    ///
    /// - Parameter configuration: one without a `problem`; it may differ from the one before.
    /// - Throws: what the reader throws, and `ByteCodingError` when a row is not what it should be.
    public init(configuration: AttributionConfiguration, from reader: some StateReader) throws {
        self.init(configuration: configuration)
        guard let row = try reader.value(Self.clockTable, Self.clockKey) else { return }
        var clock = ByteReader(row)
        pending = try PendingEvents(from: reader, clock: &clock)
        open = try OpenExamples(from: reader, clock: &clock)
        sold = try SoldPurchases(from: reader, clock: &clock)
        sold.learnUsers { [open] in open[$0]?.offer.userID }
        clickCursor = try clock.integer()
        waitCursor = try clock.integer()
        windowCursor = try clock.integer()
        watermarks = try Watermarks(&clock)
        let values = try clock.array { r throws(ByteCodingError) in try r.integer(Int64.self) }
        guard values.count <= JoinCounts.fields.count else {
            throw ByteCodingError.badValue(
                at: clock.position, "\(values.count) counts where \(JoinCounts.fields.count) belong"
            )
        }
        for (field, value) in zip(JoinCounts.fields, values) { counts[keyPath: field] = value }
        // Rows of earlier versions end here.
        if clock.remaining > 0 {
            witnesses = try Witnesses(&clock)
            try watermarks.readLeaps(&clock)
        }
        try clock.finish()
        duplicates = try DuplicateMemory(from: reader)
    }
}
