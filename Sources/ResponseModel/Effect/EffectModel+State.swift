import Records

extension EffectModel {
    private var table: StateTable { StateTable(kind.rawValue, .weights) }
    private static let key = Array("posterior".utf8)
    /// 1 had a posterior over a step, a slope and categories' deviations alone; 2 had no shape; 3 had no cohorts
    /// and no watch; 4 had no round prices.
    private static let version: UInt32 = 5

    /// Emits the rows changed since the last call, and forgets that they changed.
    public mutating func collectChanges(into changes: inout StateChanges) {
        guard isDirty, isAwake else { return }
        isDirty = false
        var writer = ByteWriter()
        writer.integer(Self.version)
        for count in [rows.all, rows.decided, rows.randomised] { writer.integer(Int64(count)) }
        for mean in [association, decided] {
            writer.double(mean.value)
            writer.double(mean.count)
        }
        writer.doubles(logged.counts)
        for value in [logged.weights, logged.squares, logged.steps, logged.depths, logged.rows] {
            writer.double(value)
        }
        form.shape.jumps.write(to: &writer)
        watch.trial.write(to: &writer)
        watch.undiscounted.write(to: &writer)
        watch.discounted.write(to: &writer)
        form.roundPrices.jumps.write(to: &writer)
        changes.put(table, Self.key, writer.bytes)
        answers.collectChanges(into: &changes)
        offers.any.collectChanges(into: &changes)
        offers.deep.collectChanges(into: &changes)
    }

    /// The model that was collected, bit for bit; a fresh one where there are no rows.
    ///
    /// - Throws: `ResponseError.damagedState`, and what the reader throws.
    public init(
        _ kind: Kind = .visits, dimension: Int = 0,
        configuration: EffectConfiguration = EffectConfiguration(), from reader: some StateReader
    ) throws {
        self.init(kind, dimension: dimension, configuration: configuration)
        let table = table
        guard let bytes = try reader.value(table, Self.key) else { return }
        func damage(_ reason: String) -> ResponseError {
            .damagedState(table: table.name, key: "posterior", reason: reason)
        }
        var version: UInt32 = 0
        do {
            var row = ByteReader(bytes)
            version = try row.integer(UInt32.self)
            switch version {
            case 1: try readFirstVersion(&row, damage)
            case 2: try read(&row)
            case 3, 4, Self.version:
                try read(&row)
                guard let kept = try JumpPosterior(count: AnswerShape.count, from: &row) else {
                    throw damage("an impossible shape")
                }
                form.shape = AnswerShape(kept)
                guard let heard = try AnswerTrial(from: &row, hasCohorts: version > 3) else {
                    throw damage("an impossible trial of its answers")
                }
                watch.trial = heard
                guard version > 3 else { break }
                guard let bare = try PromiseWatch(from: &row),
                    let offered = try PromiseWatch(from: &row)
                else { throw damage("an impossible watch over its promises") }
                (watch.undiscounted, watch.discounted) = (bare, offered)
                guard version > 4 else { break }
                guard let kept = try JumpPosterior(count: RoundPrices.count, from: &row) else {
                    throw damage("impossible jumps at round prices")
                }
                form.roundPrices = RoundPrices(kept)
            default: throw damage("the unknown version \(version)")
            }
            try row.finish()
        } catch let error as ByteCodingError {
            throw damage("\(error)")
        }
        let sums =
            logged.counts
            + [logged.weights, logged.squares, logged.steps, logged.depths, logged.rows]
            + [association.value, association.count, decided.value, decided.count]
        guard logged.counts.count == LoggedOffers.bucketCount, sums.allSatisfy(\.isFinite) else {
            throw damage("impossible numbers")
        }
        isAwake = true
        isDirty = version != Self.version
        if version > 1 {
            guard
                let restored = try ResponseHead(
                    restoring: kind.rawValue, dimension: dimension,
                    configuration: configuration.answer, from: reader),
                restored.dimension == dimension
            else { throw damage("it has no answers for vectors of length \(dimension)") }
            answers = restored
        }
        let head = PropensityModel.configuration(configuration)
        let names = PropensityModel.names(kind)
        // A model of our own decisions alone has never expected anything.
        let any = try ResponseHead(restoring: names.any, configuration: head, from: reader)
        let deep = try ResponseHead(restoring: names.deep, configuration: head, from: reader)
        guard (any == nil) == (deep == nil), any != nil || rows.all == rows.decided else {
            throw damage("it has no propensity model")
        }
        if let any, let deep {
            offers.any = any
            offers.deep = deep
        }
    }

    private mutating func read(_ row: inout ByteReader) throws(ByteCodingError) {
        rows.all = Int(try row.integer(Int64.self))
        rows.decided = Int(try row.integer(Int64.self))
        rows.randomised = Int(try row.integer(Int64.self))
        association.value = try row.double()
        association.count = try row.double()
        decided.value = try row.double()
        decided.count = try row.double()
        logged.counts = try row.doubles()
        logged.weights = try row.double()
        logged.squares = try row.double()
        logged.steps = try row.double()
        logged.depths = try row.double()
        logged.rows = try row.double()
    }

    /// Takes over what the first version had learned: all of it but the levels of its rows.
    private mutating func readFirstVersion(
        _ row: inout ByteReader, _ damage: (String) -> ResponseError
    ) throws {
        rows.all = Int(try row.integer(Int64.self))
        rows.randomised = Int(try row.integer(Int64.self))
        association.value = try row.double()
        association.count = try row.double()
        logged.counts = try row.doubles()
        logged.weights = try row.double()
        logged.steps = try row.double()
        logged.depths = try row.double()
        logged.rows = try row.double()
        // Its squares were not kept: as if all weights had been alike.
        logged.squares = logged.rows > 0 ? logged.weights * logged.weights / logged.rows : 0
        let categories = try row.array { r throws(ByteCodingError) in try r.string() }
        let mean = try row.doubles()
        let covariance = try row.doubles()
        let count = 4 + categories.count
        guard Set(categories).count == categories.count, mean.count == count,
            covariance.count == count * count, (mean + covariance).allSatisfy(\.isFinite),
            (0..<count).allSatisfy({ covariance[$0 * (count + 1)] > 0 })
        else { throw damage("impossible numbers") }
        // Step, slope, two levels, categories.
        let kept = [0, 1] + (4..<count)
        answers.adopt(
            [(.observedStep, 0, "any discount"), (.answerSlope, 0, "depth of discount")]
                + categories.map {
                    (.categorySlope, FeatureHash.owner(.category, $0), $0)
                },
            mean: kept.map { mean[$0] },
            covariance: kept.flatMap { one in kept.map { covariance[one * count + $0] } })
    }
}
