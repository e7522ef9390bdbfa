import Records
import ResponseModel
import Testing

/// What one event, one user and one hour may move, on a head that has learned a clean stream.
@Suite struct MoveBoundsTests {
    private static let bounds = {
        var bounds = MoveBounds()
        bounds.event = 0.3
        bounds.user = 0.4
        bounds.hour = 0.6
        return bounds
    }()

    private static func learned(_ bounds: MoveBounds, _ count: Int = 4_000) throws -> (
        ResponseHead, Stream
    ) {
        var configuration = HeadConfiguration()
        configuration.bounds = bounds
        var head = ResponseHead(name: "purchase", dimension: 8, configuration: configuration)
        var stream = Stream(seed: 3, users: 60, spread: 40)
        for _ in 0..<count { try head.learn(stream.next()) }
        return (head, stream)
    }

    /// The usual price of an item of the stream.
    private static func price(_ item: ItemFeatures) -> Double {
        Double(1 + (Int(item.id.dropFirst(5)) ?? 0) % 9)
    }

    /// Logits of a panel: every item for users who take no part, with and without a promotion.
    private static func panel(_ head: ResponseHead, _ stream: Stream, tsMs: Int64) throws
        -> [Double]
    {
        var logits: [Double] = []
        for item in stream.items {
            for user in ["user 1", "user 2", "never seen"] {
                for discount in [0, 0.25] {
                    let exposure = Exposure(
                        tsMs: tsMs, user: user, price: price(item), discount: discount,
                        context: [(key: "display", value: .number(1))])
                    logits.append(try head.predict(exposure, item: item).logit)
                }
            }
        }
        return logits
    }

    /// The largest move over the panel that a flood makes.
    private static func move(
        _ bounds: MoveBounds, events: Int, gapMs: Int64, weight: Double = 1,
        _ event: (Int, [ItemFeatures]) -> (user: String, item: ItemFeatures)
    ) throws -> (most: Double, bounded: Int) {
        var (head, stream) = try learned(bounds)
        let start = stream.next().exposure.tsMs
        // From the beginning of a day, so that no day or hour before it has spent anything.
        let tsMs = (start / 86_400_000 + 2) * 86_400_000
        let before = try panel(head, stream, tsMs: tsMs)
        var bounded = 0
        for number in 0..<events {
            let (user, item) = event(number, stream.items)
            let exposure = Exposure(
                tsMs: tsMs + Int64(number) * gapMs, user: user, price: price(item), discount: 0,
                context: [(key: "display", value: .number(1))])
            _ = try head.learn(exposure, item: item, label: true, weight: weight)
            if head.accepted.bound != nil { bounded += 1 }
        }
        let after = try panel(head, stream, tsMs: tsMs)
        return (zip(before, after).map { abs($1 - $0) }.max() ?? 0, bounded)
    }

    @Test("one absurd event moves no prediction by more than the bound on events")
    func absurdEvent() throws {
        let held = try Self.move(Self.bounds, events: 1, gapMs: 0, weight: 1e6) { _, items in
            ("stranger", items[3])
        }
        let free = try Self.move(MoveBounds(), events: 1, gapMs: 0, weight: 1e6) { _, items in
            ("stranger", items[3])
        }
        #expect(held.bounded == 1 && held.most <= Self.bounds.event, "\(held)")
        #expect(free.most > 2 * Self.bounds.event, "without bounds \(free)")
    }

    @Test(
        "a day's flood of purchases by one user moves what others are predicted by no more than the bound"
    )
    func flood() throws {
        for spread in [1, 40] {
            let held = try Self.move(Self.bounds, events: 3_000, gapMs: 20_000) { number, items in
                ("stranger", items[number % spread])
            }
            let free = try Self.move(MoveBounds(), events: 3_000, gapMs: 20_000) { number, items in
                ("stranger", items[number % spread])
            }
            #expect(held.bounded > 0 && held.most <= Self.bounds.user, "\(spread) items: \(held)")
            #expect(free.most > Self.bounds.user, "without bounds \(free)")
        }
    }

    @Test("an hour of poison from many users moves no prediction by more than the bound on hours")
    func poisonedHour() throws {
        for spread in [1, 40] {
            let held = try Self.move(Self.bounds, events: 3_500, gapMs: 1_000) { number, items in
                ("bot \(number)", items[number % spread])
            }
            let free = try Self.move(MoveBounds(), events: 3_500, gapMs: 1_000) { number, items in
                ("bot \(number)", items[number % spread])
            }
            #expect(held.bounded > 0 && held.most <= Self.bounds.hour, "\(spread) items: \(held)")
            #expect(free.most > 2 * Self.bounds.hour, "without bounds \(free)")
        }
    }

    @Test(
        "loose bounds change no bit, and a clean stream is bounded no more once the head has learned"
    )
    func looseBounds() throws {
        var loose = MoveBounds()
        (loose.event, loose.user, loose.hour) = (1e6, 1e6, 1e6)
        let (plain, _) = try Self.learned(MoveBounds(), 1_500)
        var (held, stream) = try Self.learned(loose, 1_500)
        let next = stream.next()
        #expect(try plain.predict(next) == held.predict(next))
        var defaults = MoveBounds()
        (defaults.event, defaults.user, defaults.hour) = (1, 1, 2)
        var (usual, clean) = try Self.learned(defaults)
        var bounded = 0
        for _ in 0..<1_000 {
            try usual.learn(clean.next())
            if usual.accepted.bound != nil { bounded += 1 }
        }
        #expect(bounded == 0, "\(bounded) of 1,000")
        try held.learn(next)
        #expect(held.accepted.weight == 1 && held.accepted.bound == nil)
    }

    @Test("a head that has learned nothing yet is not bound, and one that has is")
    func warmUp() throws {
        var bounds = Self.bounds
        bounds.after = 3
        var configuration = HeadConfiguration()
        configuration.bounds = bounds
        var head = ResponseHead(name: "purchase", dimension: 0, configuration: configuration)
        var met: [Bool] = []
        for number in 0..<6 {
            let exposure = Exposure(tsMs: Int64(number) * 86_400_000, user: "u", price: 3)
            try head.learn(
                exposure, item: ItemFeatures(id: "i"), label: number % 2 == 0, weight: 50)
            met.append(head.accepted.bound != nil)
        }
        #expect(met == [false, false, false, true, true, true])
    }

    @Test("what was spent is part of the state: a restored head goes on to the same bits")
    func restored() throws {
        var (head, stream) = try Self.learned(Self.bounds, 500)
        let tsMs = stream.next().exposure.tsMs
        func flood(_ head: inout ResponseHead, _ numbers: Range<Int>) throws -> [Double] {
            try numbers.map { number in
                let exposure = Exposure(
                    tsMs: tsMs + Int64(number), user: "bot \(number % 3)", price: 3)
                return try head.learn(exposure, item: stream.items[2], label: true).logit
            }
        }
        _ = try flood(&head, 0..<40)
        var changes = StateChanges()
        head.collectChanges(into: &changes)
        var state = MemoryState()
        state.apply(changes)
        var restored = try #require(
            try ResponseHead(
                restoring: "purchase", dimension: head.dimension,
                configuration: head.configuration, from: state))
        #expect(try flood(&head, 40..<90) == flood(&restored, 40..<90))
        #expect(head.accepted == restored.accepted && head.accepted.bound != nil)
    }

    @Test(
        "the reader's logits are those of predictions, for items with a slot, without, and never seen"
    )
    func reader() throws {
        var configuration = HeadConfiguration()
        configuration.slotCountMax = 12
        configuration.denseCountMax = 20
        var head = ResponseHead(name: "purchase", dimension: 8, configuration: configuration)
        var stream = Stream(seed: 5, spread: 30)
        for _ in 0..<1_500 { try head.learn(stream.next()) }
        var reader = LogitReader(head)
        var unseen = Stream(seed: 77, items: 90, spread: 90)
        for _ in 0..<300 {
            for example in [stream.next(), unseen.next()] {
                // As of now: predictions of later moments know of the drift to come.
                var exposure = example.exposure
                exposure.tsMs = 1_700_000_000_000
                let expected = try head.predict(exposure, item: example.item).logit
                let found = try reader.logit(exposure, item: example.item)
                #expect(abs(found - expected) < 1e-9, "\(found) for \(expected)")
            }
        }
    }
}
