import Records
import ResponseModel
import Testing

/// What labels have shown of logits is put right as they are served, and the head's own learning does not hear of it.
@Suite struct CalibrationTests {
    static var calibrated: HeadConfiguration {
        var configuration = StateTests.configuration()
        configuration.calibrates = true
        return configuration
    }

    /// A head that corrects its logits, and one that learns the same and does not.
    static func heads(dimension: Int) -> (calibrated: ResponseHead, plain: ResponseHead) {
        func head(_ configuration: HeadConfiguration) -> ResponseHead {
            ResponseHead(name: "click", dimension: dimension, configuration: configuration)
        }
        return (head(calibrated), head(StateTests.configuration()))
    }

    @Test("a head is read alike by every way to ask it, and what it knows stays what it was")
    func waysToAsk() throws {
        var stream = Stream(seed: 8, spread: 20)
        var (head, plain) = Self.heads(dimension: stream.dimension)
        var loss = (calibrated: 0.0, plain: 0.0)
        for example in stream.examples(6_000) {
            // Labels turn after a third: what was learned says the contrary, and the spread has to fall.
            let isTurned = head.eventCount >= 2_000
            let label = isTurned ? !example.label : example.label
            let made = try head.learn(example.exposure, item: example.item, label: label)
            let bare = try plain.learn(example.exposure, item: example.item, label: label)
            loss.calibrated += logLoss(logit: made.logit, label: label)
            loss.plain += logLoss(logit: bare.logit, label: label)
        }
        #expect(loss.calibrated < loss.plain)
        // Served is a line of what the plain head says, the same one whoever asks.
        let ends = stream.examples(2)
        let (x, y) = (
            try ends.map { try plain.predict($0).logit },
            try ends.map { try head.predict($0).logit }
        )
        let factor = (y[1] - y[0]) / (x[1] - x[0])
        #expect(factor < 0.97)
        func line(_ logit: Double) -> Double { y[0] + factor * (logit - x[0]) }
        var (reader, bareReader) = (LogitReader(head), LogitReader(plain))
        for example in stream.examples(50) {
            let (exposure, item) = (example.exposure, example.item)
            func expectLine(_ served: Double, _ logit: Double) {
                #expect(abs(served - line(logit)) < 1e-6)
            }
            let bare = try plain.predict(example)
            let said = try head.predict(example)
            expectLine(said.logit, bare.logit)
            #expect(abs(said.variance - factor * factor * bare.variance) < 1e-6)
            #expect(try head.demand(exposure, item: item, depths: [exposure.discount]) == [said])
            expectLine(try head.logit(exposure, item: item), try plain.logit(exposure, item: item))
            expectLine(
                try reader.logit(exposure, item: item), try bareReader.logit(exposure, item: item))
            let parts = try head.contributions(exposure, item: item)
            #expect(abs(parts.reduce(0) { $0 + $1.logit } - said.logit) < 0.02)
        }
        // Learning itself does not hear of it.
        var (one, other) = (StateTests.dump(head), StateTests.dump(plain))
        for table in ResponseHead.tables(name: "click") {
            one[table]?[Array("scalars".utf8)] = nil
            other[table]?[Array("scalars".utf8)] = nil
        }
        #expect(one == other)
    }

    @Test("a head whose logits are right loses next to nothing by it")
    func right() throws {
        var stream = Stream(seed: 12, spread: 20)
        var (head, plain) = Self.heads(dimension: stream.dimension)
        var loss = (calibrated: 0.0, plain: 0.0)
        for example in stream.examples(6_000) {
            loss.calibrated += logLoss(logit: try head.learn(example).logit, label: example.label)
            loss.plain += logLoss(logit: try plain.learn(example).logit, label: example.label)
        }
        #expect(loss.calibrated < loss.plain + 3, "\(loss)")
    }

    @Test("it goes on bit for bit, and a head from before begins with what it said")
    func state() throws {
        var stream = Stream(seed: 9, spread: 20)
        for configuration in [Self.calibrated, StateTests.configuration()] {
            var head = ResponseHead(
                name: "click", dimension: stream.dimension, configuration: configuration)
            for example in stream.examples(700) { try head.learn(example) }
            var changes = StateChanges()
            head.dump(into: &changes)
            var state = MemoryState()
            state.apply(changes)
            var restored = try #require(
                try ResponseHead(
                    restoring: "click", dimension: stream.dimension,
                    configuration: Self.calibrated, from: state))
            for example in stream.examples(20) {
                #expect(try restored.predict(example) == head.predict(example))
            }
            guard configuration.calibrates else { continue }
            for example in stream.examples(200) {
                #expect(try restored.learn(example) == head.learn(example))
            }
            #expect(StateTests.dump(restored) == StateTests.dump(head))
        }
    }

    @Test("where negatives are thinned, labels count as often as they stand for")
    func weights() throws {
        for isOff in [false, true] {
            var stream = Stream(seed: 13, spread: 20)
            var (head, plain) = Self.heads(dimension: stream.dimension)
            var random = SeededRandom(seed: 14)
            var loss = (calibrated: 0.0, plain: 0.0)
            for example in stream.examples(20_000) {
                // Where the labels turn, what was learned is off for long; one negative in ten is kept.
                let label = isOff && head.eventCount >= 2_000 ? !example.label : example.label
                let weight = label ? 1.0 : 10
                guard label || random.unit() < 0.1 else { continue }
                func learned(_ head: inout ResponseHead) throws -> Double {
                    let made = try head.learn(
                        example.exposure, item: example.item, label: label, weight: weight)
                    return weight * logLoss(logit: made.logit, label: label)
                }
                loss.calibrated += try learned(&head)
                loss.plain += try learned(&plain)
            }
            let gain = (loss.plain - loss.calibrated) / loss.plain
            #expect(isOff ? gain > 0.001 : gain > -0.003, "\(gain)")
        }
    }

    @Test("one label that counts for a thousand moves what is served of others little")
    func heavyLabel() throws {
        var stream = Stream(seed: 15, spread: 20)
        // With the correction and without, each as it is after a label of weight 1 and one of weight 1,000.
        let (calibrated, plain) = Self.heads(dimension: stream.dimension)
        var heads = [calibrated, plain]
        // Labels that turn, so that the correction is in force.
        for example in stream.examples(8_000) {
            for place in heads.indices {
                let label = heads[place].eventCount < 2_000 ? example.label : !example.label
                try heads[place].learn(example.exposure, item: example.item, label: label)
            }
        }
        let (others, heavy) = (stream.examples(50), stream.next())
        var loaded = heads
        for place in heads.indices {
            try heads[place].learn(heavy, weight: 1)
            try loaded[place].learn(heavy, weight: 1_000)
        }
        let x = try others.prefix(2).map { try heads[1].predict($0).logit }
        let y = try others.prefix(2).map { try heads[0].predict($0).logit }
        let factor = (y[1] - y[0]) / (x[1] - x[0])
        for example in others {
            func moved(_ place: Int) throws -> Double {
                try loaded[place].predict(example).logit - heads[place].predict(example).logit
            }
            // Beside what the head itself has learned.
            let more = try moved(0) - factor * moved(1)
            #expect(abs(more) < 0.2, "\(more)")
        }
    }

    @Test("numbers that no labels lead to are refused")
    func damage() throws {
        var stream = Stream(seed: 10, spread: 20)
        var head = ResponseHead(
            name: "click", dimension: stream.dimension, configuration: Self.calibrated)
        for example in stream.examples(100) { try head.learn(example) }
        var changes = StateChanges()
        head.dump(into: &changes)
        let scalars = try #require(changes.rows.first { $0.key == Array("scalars".utf8) })
        let value = try #require(scalars.value)
        // Its eight numbers end the row.
        for (place, number) in [
            (7, 0.0), (7, 1), (6, .nan), (5, 1), (4, -1), (3, .infinity), (2, .nan), (0, -1),
        ] {
            var state = MemoryState()
            state.apply(changes)
            var writer = ByteWriter()
            writer.double(number)
            var damaged = value
            let start = damaged.count - 8 * (8 - place)
            damaged.replaceSubrange(start..<start + 8, with: writer.bytes)
            var change = StateChanges()
            change.put(scalars.table, scalars.key, damaged)
            state.apply(change)
            #expect(throws: ResponseError.self, "\(place)") {
                try ResponseHead(
                    restoring: "click", dimension: stream.dimension,
                    configuration: Self.calibrated, from: state)
            }
        }
    }
}
