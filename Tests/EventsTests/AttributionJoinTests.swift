import Events
import Records
import Testing

private let place = TopicPartition(topic: "t", partition: 0)

/// A join with a clock that tests move, and the outputs so far.
private struct Scene {
    var join: AttributionJoin
    var outputs: [JoinOutput] = []
    private var offset: Int64 = 0

    init(_ configuration: AttributionConfiguration) {
        join = AttributionJoin(configuration: configuration)
    }

    mutating func send(
        _ id: String, at ts: Int64, _ body: Event.Body, from position: TopicPartition = place
    ) {
        offset += 1
        join.ingest(
            Event(eventID: id, tsMs: ts, body: body), from: position, offset: offset,
            into: &outputs)
    }

    mutating func decide(
        _ id: String, at ts: Int64, discount: Double, trigger: String?, isView: Bool = false
    ) {
        let offer = Event.Offer(userID: "u", itemID: "i", price: 10, discount: discount)
        let decision = IssuedDecision(
            offer: offer, recommendationID: id, tsMs: ts, triggerEventID: trigger,
            isView: isView)
        join.open(decision, from: place, offset: offset, into: &outputs)
    }

    /// Lets event time come to `ts` by an event of nobody's.
    mutating func wait(until ts: Int64, _ position: TopicPartition = place) {
        send(
            "clock-\(position)-\(ts)", at: ts,
            .outcome(.init(offer: .init(userID: "-", itemID: "-", price: 1), clicked: false)),
            from: position)
    }

    var labels: [String] {
        outputs.compactMap {
            switch $0 {
            case .labelled(let example): "\(example.openedBy) \(example.label)"
            case .corrected(let id, let label): "#\(id) \(label)"
            case .converted(let example): "#\(example.id) \(example.label)"
            case .matured where join.configuration.waitMs == join.configuration.windowMs: nil
            case .matured(let example): "\(example.openedBy) matured \(example.label)"
            case .superseded(let id, let by): "#\(id) superseded by #\(by)"
            case .closedEarly(let closed):
                "\(closed.example.openedBy) closed after \(closed.ageMs), \(closed.label)"
            case .duplicate(let id): "\(id) duplicate"
            case .late(let id, _, _): "\(id) late"
            case .unattributedPurchase(let id, _, _): "\(id) unattributed"
            case .unmatchedRefund(let id): "\(id) unmatched"
            }
        }
    }
}

private func offer(
    _ discount: Double = 0, user: String = "u", item: String = "i", rec: String? = nil
) -> Event.Offer {
    Event.Offer(
        userID: user, itemID: item, price: 10, discount: discount, recommendationID: rec)
}

private func purchase(
    _ quantity: Int = 1, paid: Double? = nil, order: String? = nil, rec: String? = nil,
    item: String = "i"
) -> Event.Body {
    .purchase(
        .init(
            offer: offer(item: item, rec: rec), quantity: quantity, paid: paid, orderID: order))
}

private func refund(
    order: String? = nil, purchase: String? = nil, item: String? = nil, quantity: Int? = nil
) -> Event.Body {
    .refund(
        .init(
            userID: "u", orderID: order, purchaseEventID: purchase, itemID: item,
            quantity: quantity))
}

private let simple = AttributionConfiguration(windowMs: 1000, clickWindowMs: 100, latenessMs: 0)

@Suite struct AttributionJoinTests {
    @Test("a purchase inside the window labels its click positive")
    func positive() {
        var scene = Scene(simple)
        scene.send("c", at: 100, .click(offer(0.1)))
        scene.send("p", at: 1099, purchase(2, paid: 9))
        scene.wait(until: 5000)
        #expect(scene.labels == ["c purchased(quantity: 2, paid: Optional(9.0))"])
        guard case .labelled(let example)? = scene.outputs.first else { return }
        #expect(example.offer == offer(0.1) && example.tsMs == 100 && example.clicked)
        #expect(example.opening == .click)
    }

    @Test("the window's end labels a click negative; a purchase at the end is outside")
    func negative() {
        var scene = Scene(simple)
        scene.send("c", at: 100, .click(offer()))
        scene.send("p", at: 1100, purchase())
        scene.wait(until: 1101)
        #expect(scene.labels == ["c notPurchased", "p unattributed"])
        #expect(scene.join.openCount == 0)
    }

    @Test("nothing is labelled before the watermark says so")
    func patience() {
        var scene = Scene(simple)
        scene.send("c", at: 100, .click(offer()))
        scene.wait(until: 1099)
        #expect(scene.labels.isEmpty)
        scene.wait(until: 1100)
        #expect(scene.labels == ["c notPurchased"])
    }

    @Test("an impression is labelled by its click and by its purchase, each head once")
    func impression() {
        var scene = Scene(simple)
        scene.send("a", at: 0, .impression(offer()))
        scene.send("ac", at: 99, .click(offer()))
        scene.send("ac2", at: 99, .click(offer()))
        scene.send("b", at: 200, .impression(offer(item: "j")))
        scene.send("bc", at: 300, .click(offer(item: "j")))
        scene.send("p", at: 400, purchase(item: "j"))
        scene.wait(until: 5000)
        #expect(
            scene.labels == [
                "a clicked", "b notClicked", "b purchased(quantity: 1, paid: nil)",
                "a notPurchased",
            ])
        #expect(scene.join.counts.opened == 2 && scene.join.counts.repeated == 3)
    }

    @Test("a decision counts whether clicked or not, and replaces the click that led to it")
    func decision() {
        var scene = Scene(simple)
        scene.send("c", at: 0, .click(offer()))
        scene.decide("r1", at: 0, discount: 0.2, trigger: "c")
        scene.send("p", at: 500, purchase())
        scene.send("d", at: 600, .click(offer(item: "j")))
        scene.wait(until: 5000)
        #expect(
            scene.labels == [
                "#0 superseded by #1", "r1 notClicked", "r1 purchased(quantity: 1, paid: nil)",
                "d notPurchased",
            ])
    }

    @Test("a decision that still stands takes the place of every click that it is issued to")
    func standingDecision() {
        var scene = Scene(simple)
        scene.send("c", at: 0, .click(offer()))
        scene.decide("r1", at: 0, discount: 0.2, trigger: "c")
        scene.send("d", at: 300, .click(offer()))
        scene.decide("r1", at: 300, discount: 0.2, trigger: "d")
        scene.send("p", at: 900, purchase())
        scene.wait(until: 5000)
        #expect(
            scene.labels == [
                "#0 superseded by #1", "r1 notClicked", "#2 superseded by #1",
                "r1 purchased(quantity: 1, paid: nil)",
            ])
    }

    @Test(
        "a decision for a view takes its place, is not clicked before a click, and stands when it is; also after a restart"
    )
    func shown() throws {
        var scene = Scene(simple)
        scene.send("v", at: 100, .impression(offer()))
        scene.decide("rec", at: 100, discount: 0.2, trigger: "v", isView: true)
        var changes = StateChanges()
        scene.join.collectChanges(into: &changes)
        var state = MemoryState()
        state.apply(changes)
        scene.join = try AttributionJoin(configuration: simple, from: state)
        // Seen once more, by another impression that asks again.
        scene.send("w", at: 120, .impression(offer()))
        scene.decide("rec", at: 120, discount: 0.2, trigger: "w", isView: true)
        scene.send("unseen", at: 130, .impression(offer(item: "j")))
        scene.wait(until: 140)
        #expect(scene.labels == ["#0 superseded by #1", "#2 superseded by #1"])
        scene.send("c", at: 150, .click(offer()))
        scene.decide("rec", at: 150, discount: 0.2, trigger: "c")
        scene.send("p", at: 500, purchase())
        scene.wait(until: 5000)
        #expect(
            scene.labels.dropFirst(2) == [
                "rec clicked", "#4 superseded by #1", "unseen notClicked",
                "rec purchased(quantity: 1, paid: nil)", "unseen notPurchased",
            ])
        let opened = scene.outputs.compactMap { output -> LabelledExample? in
            if case .labelled(let example) = output, example.openedBy == "rec" {
                example
            } else {
                nil
            }
        }
        #expect(opened.map(\.opening) == [.shown, .shown])
        #expect(opened.allSatisfy { $0.offer.discount == 0.2 && $0.clicked })
    }

    @Test("a purchase goes to the recommendation it names, else to the last click or decision")
    func attribution() {
        func bought(_ rule: AttributionConfiguration.Rule, rec: String?) -> String? {
            var configuration = simple
            configuration.rule = rule
            var scene = Scene(configuration)
            scene.decide("r1", at: 0, discount: 0.2, trigger: nil)
            scene.send("c", at: 10, .click(offer(0.1)))
            scene.send("v", at: 20, .impression(offer(0.3)))
            scene.send("p", at: 500, purchase(rec: rec))
            scene.wait(until: 501)
            return scene.labels.first { $0.contains(" purchased") }
        }
        let units = " purchased(quantity: 1, paid: nil)"
        #expect(bought(.lastClick, rec: nil) == "c" + units)
        #expect(bought(.lastTouch, rec: nil) == "v" + units)
        #expect(bought(.lastClick, rec: "r1") == "r1" + units)
        #expect(bought(.lastClick, rec: "unknown") == "c" + units)
    }

    @Test("a recommendation of another user or item attributes nothing")
    func foreignRecommendation() {
        var scene = Scene(simple)
        scene.decide("r1", at: 0, discount: 0.2, trigger: nil)
        scene.send("p", at: 10, purchase(rec: "r1", item: "j"))
        scene.wait(until: 20)
        #expect(scene.labels == ["p unattributed"])
    }

    @Test("repeated views of one offer are one example, another offer is another")
    func repeatedViews() {
        var scene = Scene(simple)
        for time in 0..<5 { scene.send("v\(time)", at: Int64(time), .impression(offer())) }
        scene.send("w", at: 10, .impression(offer(0.1)))
        scene.wait(until: 2000)
        #expect(
            scene.labels == [
                "v0 notClicked", "w notClicked", "v0 notPurchased", "w notPurchased",
            ])
    }

    @Test("a purchase between the wait's end and the window's corrects the label")
    func waitShorterThanWindow() {
        var configuration = simple
        configuration.waitMs = 200
        var scene = Scene(configuration)
        scene.send("c", at: 0, .click(offer()))
        scene.send("p", at: 999, purchase())
        scene.wait(until: 1000)
        #expect(
            scene.labels == [
                "c notPurchased", "#0 purchased(quantity: 1, paid: nil)",
                "c matured purchased(quantity: 1, paid: nil)",
            ])
        guard case .matured(let example)? = scene.outputs.last else { return }
        #expect(example.purchasedMs == 999)
    }

    @Test("refunds by order, by purchase and in part correct the label")
    func refunds() {
        var scene = Scene(simple)
        scene.send("c", at: 0, .click(offer()))
        scene.send("p1", at: 10, purchase(3, order: "o"))
        scene.send("p2", at: 20, purchase(1, paid: 7, order: "o"))
        scene.send("r1", at: 5000, refund(order: "o", quantity: 2))
        scene.send("r2", at: 5001, refund(purchase: "p2"))
        scene.send("r3", at: 5002, refund(order: "o", item: "other"))
        scene.send("r4", at: 5003, refund(order: "o"))
        scene.send("r5", at: 5004, refund(order: "o"))
        scene.wait(until: 6000)
        #expect(
            scene.labels == [
                "c purchased(quantity: 3, paid: nil)",
                "#0 purchased(quantity: 4, paid: Optional(7.0))",
                "#0 purchased(quantity: 2, paid: Optional(7.0))",
                "#0 purchased(quantity: 1, paid: Optional(7.0))",
                "r3 unmatched", "#0 notPurchased", "r5 unmatched",
            ])
    }

    @Test("a refund is never late, but its purchase is forgotten after the refund window")
    func lateRefunds() {
        var configuration = simple
        configuration.refundWindowMs = 10_000
        var scene = Scene(configuration)
        scene.send("c", at: 0, .click(offer()))
        scene.send("p", at: 10, purchase(order: "o"))
        scene.wait(until: 9000)
        scene.send("r1", at: 20, refund(order: "o"))
        scene.wait(until: 9001)
        #expect(scene.labels.last == "#0 notPurchased")
        scene.send("c2", at: 9100, .click(offer()))
        scene.send("p2", at: 9110, purchase(order: "o2"))
        scene.send("r2", at: 19_110, refund(order: "o2"))
        scene.wait(until: 30_000)
        #expect(scene.labels.last == "r2 unmatched")
        #expect(scene.join.purchaseCount == 0)
    }

    @Test("duplicates and late events are told and change nothing")
    func duplicatesAndLate() {
        var scene = Scene(simple)
        scene.send("c", at: 100, .click(offer()))
        scene.send("c", at: 100, .click(offer()))
        scene.wait(until: 500)
        scene.send("d", at: 499, .click(offer(item: "j")))
        scene.send("e", at: 500, .click(offer(item: "k")))
        scene.wait(until: 9000)
        #expect(
            scene.labels == ["c duplicate", "d late", "c notPurchased", "e notPurchased"])
        #expect(scene.join.counts.late == 1 && scene.join.counts.duplicates == 1)
    }

    @Test("the slowest partition holds the watermark, unless it is idle")
    func idlePartitions() {
        let other = TopicPartition(topic: "t", partition: 1)
        var scene = Scene(simple)
        scene.join.wait(for: [other], into: &scene.outputs)
        scene.send("c", at: 100, .click(offer()))
        scene.wait(until: 5000)
        #expect(scene.join.watermarkMs == nil, "a partition with a backlog is waited for")
        scene.wait(until: 700, other)
        #expect(scene.join.watermarkMs == 700)
        scene.join.setIdle(other, true, into: &scene.outputs)
        #expect(scene.join.watermarkMs == 5000)
        #expect(scene.labels == ["c notPurchased"])
        scene.wait(until: 5500, other)
        scene.wait(until: 9000)
        #expect(scene.join.watermarkMs == 5500, "its next event ends its idleness")
    }

    @Test("at the bound the oldest closes early, is counted, and goes out with its age")
    func overflow() {
        var configuration = simple
        configuration.openMax = 2
        var scene = Scene(configuration)
        for index in 0..<4 {
            scene.send("c\(index)", at: Int64(index), .click(offer(item: "i\(index)")))
        }
        scene.wait(until: 5000)
        #expect(
            scene.labels == [
                "c0 closed after 2, unknown", "c1 closed after 2, unknown", "c2 notPurchased",
                "c3 notPurchased",
            ])
        #expect(scene.join.counts.overflowed == 2)
    }

    @Test("the other bounds hold too: pairs, pending events, purchases, event ids")
    func otherBounds() {
        var configuration = simple
        configuration.latenessMs = 100_000
        configuration.openPerPairMax = 3
        configuration.pendingMax = 10
        configuration.purchasesMax = 5
        configuration.duplicatesMax = 1000
        var scene = Scene(configuration)
        for index in 0..<5000 {
            let rec = "r\(index)"
            scene.send("c\(index)", at: Int64(index), .click(offer(rec: rec)))
            scene.send("p\(index)", at: Int64(index), purchase(rec: rec))
            #expect(scene.join.openCount <= 3)
            #expect(scene.join.pendingCount <= 10)
            #expect(scene.join.purchaseCount <= 5)
            #expect(scene.join.rememberedCount <= 1000 + 512)
        }
        let counts = scene.join.counts
        #expect(counts.hurried == 9990 && counts.overflowed > 4900)
        #expect(counts.forgottenPurchases > 4900)
    }

    @Test("erasing a user removes what is open, pending and sold of them, and nobody else's")
    func erasure() {
        var configuration = simple
        configuration.latenessMs = 50
        var scene = Scene(configuration)
        for user in ["u", "v"] {
            scene.send("\(user)-c", at: 0, .click(offer(user: user)))
            scene.send(
                "\(user)-p", at: 10, .purchase(.init(offer: offer(user: user), orderID: user)))
            scene.send("\(user)-d", at: 20, .click(offer(user: user, item: "j")))
        }
        scene.wait(until: 65)
        for user in ["u", "v"] { scene.send("\(user)-w", at: 66, .click(offer(user: user))) }
        scene.join.erase(userID: "u")
        scene.outputs = []
        scene.send("r1", at: 70, refund(order: "u"))
        scene.send("r2", at: 71, refund(order: "v"))
        scene.wait(until: 9000)
        #expect(scene.labels == ["r1 unmatched", "#1 notPurchased", "v-d notPurchased"])
    }

    @Test("settings that make no sense are told in a sentence")
    func configurationProblems() {
        #expect(AttributionConfiguration().problem == nil)
        #expect(AttributionConfiguration(windowMs: 5).problem == nil)
        #expect(
            AttributionConfiguration(windowMs: 10, waitMs: 20).problem
                == "the wait must not be longer than the window")
        #expect(
            AttributionConfiguration(latenessMs: -1).problem
                == "the lateness must be from 0 ms to ten years, not -1 ms")
        var closed = AttributionConfiguration()
        closed.openMax = 0
        #expect(closed.problem == "the bound on open examples must be 1 or more, not 0")
    }
}
