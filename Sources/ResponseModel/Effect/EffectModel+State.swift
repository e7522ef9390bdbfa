import Records

extension EffectModel {
    private var table: StateTable { StateTable(kind.rawValue, .weights) }
    private static let key = Array("posterior".utf8)
    private static let version: UInt32 = 1

    /// Emits the rows changed since the last call, and forgets that they changed.
    public mutating func collectChanges(into changes: inout StateChanges) {
        guard isDirty, isAwake else { return }
        isDirty = false
        var writer = ByteWriter()
        writer.integer(Self.version)
        writer.integer(Int64(rows))
        writer.integer(Int64(randomisedRows))
        writer.double(association.value)
        writer.double(association.count)
        writer.doubles(logged.counts)
        for value in [logged.weights, logged.steps, logged.depths, logged.rows] {
            writer.double(value)
        }
        writer.array(posterior.categories) { $0.string($1) }
        writer.doubles(posterior.mean)
        writer.doubles(posterior.covariance)
        changes.put(table, Self.key, writer.bytes)
        offers.any.collectChanges(into: &changes)
        offers.deep.collectChanges(into: &changes)
    }

    /// The model that was collected, bit for bit; a fresh one where there are no rows.
    ///
    /// - Throws: `ResponseError.damagedState`, and what the reader throws.
    public init(
        _ kind: Kind = .visits, configuration: EffectConfiguration = EffectConfiguration(),
        from reader: some StateReader
    ) throws {
        self.init(kind, configuration: configuration)
        let table = table
        guard let bytes = try reader.value(table, Self.key) else { return }
        func damage(_ reason: String) -> ResponseError {
            .damagedState(table: table.name, key: "posterior", reason: reason)
        }
        do {
            var row = ByteReader(bytes)
            let version = try row.integer(UInt32.self)
            guard version == Self.version else { throw damage("the unknown version \(version)") }
            rows = Int(try row.integer(Int64.self))
            randomisedRows = Int(try row.integer(Int64.self))
            association.value = try row.double()
            association.count = try row.double()
            logged.counts = try row.doubles()
            logged.weights = try row.double()
            logged.steps = try row.double()
            logged.depths = try row.double()
            logged.rows = try row.double()
            let categories = try row.array { r throws(ByteCodingError) in try r.string() }
            let mean = try row.doubles()
            let covariance = try row.doubles()
            try row.finish()
            let sums =
                logged.counts + [logged.weights, logged.steps, logged.depths, logged.rows]
                + [association.value, association.count]
            guard logged.counts.count == LoggedOffers.bucketCount,
                sums.allSatisfy(\.isFinite),
                let restored = EffectPosterior(
                    configuration, categories: categories, mean: mean, covariance: covariance)
            else { throw damage("impossible numbers") }
            posterior = restored
        } catch let error as ByteCodingError {
            throw damage("\(error)")
        }
        isAwake = true
        isDirty = false
        let head = OfferModel.configuration(configuration)
        let names = OfferModel.names(kind)
        guard
            let any = try ResponseHead(
                restoring: names.any, configuration: head, from: reader),
            let deep = try ResponseHead(
                restoring: names.deep, configuration: head, from: reader)
        else { throw damage("it has no propensity model") }
        offers.any = any
        offers.deep = deep
    }
}
