import Events
import Records
import Testing

/// One producer's clock must not move everybody's time.
@Suite struct TimeLeapTests {
    private static let hourMs: Int64 = 3_600_000
    private static let startMs: Int64 = 1_700_000_000_000
    private static let place = TopicPartition(topic: "events", partition: 0)
    private static let other = TopicPartition(topic: "events", partition: 1)

    private struct Stream {
        var join: AttributionJoin
        var outputs: [JoinOutput] = []
        var offset: Int64 = 0

        init(leapMaxMs: Int64? = hourMs) {
            var configuration = AttributionConfiguration(latenessMs: 60_000)
            configuration.leapMaxMs = leapMaxMs
            join = AttributionJoin(configuration: configuration)
        }

        @discardableResult
        mutating func click(
            _ user: String, at tsMs: Int64, from position: TopicPartition = place
        ) -> AttributionJoin.Admission {
            offset += 1
            let offer = Event.Offer(userID: user, itemID: "kettle", price: 40)
            return join.ingest(
                Event(eventID: "c\(offset)", tsMs: tsMs, body: .click(offer)), from: position,
                offset: offset, into: &outputs)
        }

        mutating func restore() throws {
            var changes = StateChanges()
            join.collectChanges(into: &changes)
            var state = MemoryState()
            state.apply(changes)
            join = try AttributionJoin(configuration: join.configuration, from: state)
        }
    }

    @Test(
        "one event a year ahead, or many of one user, move nothing: those after it are in time",
        arguments: [1, 40])
    func oneClock(ahead: Int) throws {
        var stream = Stream()
        for number in 0..<100 {
            stream.click("u\(number)", at: Self.startMs + Int64(number) * 1000)
        }
        let before = stream.join.watermarkMs
        for _ in 0..<ahead {
            #expect(
                stream.click("robot", at: Self.startMs + 365 * 24 * Self.hourMs) == .accepted)
        }
        #expect(stream.join.watermarkMs == before)
        try stream.restore()
        for number in 100..<400 {
            let verdict = stream.click("u\(number)", at: Self.startMs + Int64(number) * 1000)
            #expect(verdict == .accepted)
        }
        #expect(stream.join.counts.late == 0)
        #expect(stream.join.watermarkMs == Self.startMs + 399_000 - 60_000)
        #expect(stream.join.lastLeap == nil)
    }

    @Test("one in ten events ahead, of whatever users, is outvoted for good")
    func minority() {
        var stream = Stream()
        for number in 0..<5_000 {
            let ahead: Int64 = number % 10 == 9 ? 30 * 24 * Self.hourMs : 0
            stream.click("u\(number)", at: Self.startMs + Int64(number) * 1000 + ahead)
        }
        #expect(stream.join.counts.late == 0)
        #expect(stream.join.watermarkMs == Self.startMs + 4_998_000 - 60_000)
    }

    @Test("after a night time goes on with the eighth shopper, and says where it leapt")
    func night() throws {
        var stream = Stream()
        for number in 0..<20 {
            stream.click("u\(number)", at: Self.startMs + Int64(number) * 1000)
        }
        let morningMs = Self.startMs + 9 * Self.hourMs
        for number in 0..<7 { stream.click("v\(number)", at: morningMs + Int64(number) * 1000) }
        #expect(stream.join.watermarkMs == Self.startMs + 19_000 - 60_000)
        try stream.restore()
        stream.click("v7", at: morningMs + 7000)
        #expect(stream.join.watermarkMs == morningMs - 60_000)
        let leap = try #require(stream.join.lastLeap)
        #expect(leap.position == Self.place && leap.offset == 21 && leap.lastOffset == 28)
        #expect(leap.fromMs == Self.startMs + 19_000 && leap.toMs == morningMs)
        stream.click("w", at: morningMs + 60_000)
        #expect(stream.join.watermarkMs == morningMs)
        #expect(stream.join.counts.late == 0)
    }

    @Test("another partition that has come as far confirms a leap")
    func otherPartition() {
        var stream = Stream()
        stream.click("a", at: Self.startMs)
        stream.click("b", at: Self.startMs, from: Self.other)
        let laterMs = Self.startMs + 5 * Self.hourMs
        stream.click("c", at: laterMs, from: Self.other)
        #expect(stream.join.watermarkMs == Self.startMs - 60_000)
        for number in 0..<8 { stream.click("v\(number)", at: laterMs) }
        #expect(stream.join.watermarkMs == laterMs - 60_000)
    }

    @Test("a leap that nothing contradicts is taken when the daemon's clock has gone on")
    func clock() throws {
        var stream = Stream()
        let laterMs = Self.startMs + 5 * Self.hourMs
        stream.join.read(atMs: laterMs, into: &stream.outputs)
        stream.click("ada", at: Self.startMs)
        stream.click("ada", at: laterMs)
        stream.join.read(atMs: laterMs + 59_000, into: &stream.outputs)
        #expect(stream.join.watermarkMs == Self.startMs - 60_000)
        try stream.restore()
        stream.join.read(atMs: laterMs + 60_000, into: &stream.outputs)
        #expect(stream.join.watermarkMs == laterMs - 60_000)
        // One that is contradicted is not, however long it is held.
        stream.click("robot", at: laterMs + 9 * Self.hourMs)
        stream.click("robot 2", at: laterMs + 9 * Self.hourMs)
        stream.click("ada", at: laterMs + 1000)
        stream.join.read(atMs: laterMs + 90 * Self.hourMs, into: &stream.outputs)
        #expect(stream.join.watermarkMs == laterMs + 1000 - 60_000)
    }

    @Test("an id of a time far ahead is not remembered until then")
    func duplicates() {
        var stream = Stream()
        stream.click("a", at: Self.startMs)
        let offer = Event.Offer(userID: "b", itemID: "kettle", price: 40)
        func send(_ tsMs: Int64) -> AttributionJoin.Admission {
            stream.join.ingest(
                Event(eventID: "x", tsMs: tsMs, body: .click(offer)), from: Self.place, offset: 9,
                into: &stream.outputs)
        }
        #expect(send(Self.startMs + 365 * 24 * Self.hourMs) == .accepted)
        #expect(send(Self.startMs) == .duplicate)
        // The window of a day is over.
        for hour in 1...26 { stream.click("a", at: Self.startMs + Int64(hour) * Self.hourMs) }
        #expect(send(Self.startMs + 26 * Self.hourMs) == .accepted)
    }

    @Test("events far ahead that fill the room for waiting ones do not take time with them")
    func room() {
        var configuration = AttributionConfiguration(latenessMs: 60_000)
        configuration.leapMaxMs = Self.hourMs
        configuration.pendingMax = 10
        var stream = Stream()
        stream.join = AttributionJoin(configuration: configuration)
        stream.click("a", at: Self.startMs)
        for _ in 0..<50 { stream.click("robot", at: Self.startMs + 100 * Self.hourMs) }
        #expect(stream.join.pendingCount <= 10)
        #expect(stream.join.watermarkMs ?? 0 <= Self.startMs)
        #expect(stream.click("b", at: Self.startMs + 1) == .accepted)
    }

    @Test(
        "a purchase later than the lateness allows labels the offer that was open when it was made")
    func latePurchase() {
        var join = AttributionJoin(
            configuration: AttributionConfiguration(
                windowMs: 3_600_000, waitMs: 600_000, latenessMs: 0))
        var outputs: [JoinOutput] = []
        var offset: Int64 = 0
        func send(_ id: String, _ minute: Int64, _ user: String, buys: Bool = false) {
            offset += 1
            let offer = Event.Offer(userID: user, itemID: "kettle", price: 40)
            join.ingest(
                Event(
                    eventID: id, tsMs: Self.startMs + minute * 60_000,
                    body: buys ? .purchase(.init(offer: offer)) : .click(offer)),
                from: Self.place, offset: offset, into: &outputs)
        }
        send("c1", 0, "ada")
        send("c2", 30, "bob")
        // Made five minutes after the click, and learned of after half an hour.
        send("p1", 5, "ada", buys: true)
        // Made before its shopper's only click.
        send("p2", 20, "bob", buys: true)
        send("c3", 40, "eve")
        let converted = outputs.compactMap { output -> LabelledExample? in
            if case .converted(let example) = output { example } else { nil }
        }
        #expect(converted.map(\.openedBy) == ["c1"])
        #expect(converted.first?.purchasedMs == Self.startMs + 5 * 60_000)
        #expect(join.counts.latePurchases == 2 && join.counts.late == 0)
        #expect(join.counts.unattributedPurchases == 1)
    }
}
