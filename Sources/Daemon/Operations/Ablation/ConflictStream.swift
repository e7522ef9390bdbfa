import Engine
import Events
import Foundation
import KafkaStream
import Records

/// A generated log in which what words are worth changes, comes back, and is known.
///
/// Phases A, B, A′, C, A: in B half of the words are worth the contrary of what they were in A; A′ is
/// A but for small changes; in C that half is drawn anew; at last A holds again. Titles are made of
/// the same words throughout, but every item is new: only what was learned of words helps.
struct ConflictStream {
    static let phases = ["A", "B", "A′", "C", "A"]

    private static let qualities = [
        "wooden", "handmade", "waterproof", "vintage", "organic", "lightweight", "luxury",
        "recycled", "foldable", "bright", "quiet", "classic",
    ]
    private static let kinds = [
        "kettle", "scarf", "lamp", "notebook", "backpack", "mug", "blanket", "clock", "chair",
        "jacket", "guitar", "tent",
    ]
    private static let purposes = [
        "for travel", "for children", "with gift box", "from Italy", "for winter", "on sale",
        "for the office", "for beginners",
    ]
    private static let words = qualities + kinds + purposes

    /// Rows that come before the next phase.
    let phaseRows: Int
    let log: AblationLog
    /// The true logit of each row, and the phase's own level, in the log's order.
    let truth: [Double]

    /// - Parameters:
    ///   - rows: of a phase.
    ///   - items: new ones in a phase; ten are on offer at a time.
    init(seed: UInt64, rows: Int, items: Int) {
        phaseRows = rows
        var random = SeededRandom(seed: StableHash.of("conflict", seed: seed))
        let worths = Self.worths(&random)
        var log: [EngineInput] = []
        var catalog: [EngineInput] = []
        var truth: [Double] = []
        let startMs: Int64 = 1_700_000_000_000
        let rowMs = 30 * 86_400_000 / Int64(rows)
        for (phase, worth) in worths.enumerated() {
            var offered: [(id: String, logit: Double)] = []
            for row in 0..<rows {
                let tsMs = startMs + Int64(phase * rows + row) * rowMs
                while offered.count < min(items, 10 + row * items / rows) {
                    let words = [Self.qualities, Self.kinds, Self.purposes].map { list in
                        list[Int(random.next() % UInt64(list.count))]
                    }
                    let id = "\(phase)-\(offered.count)"
                    let title = words.joined(separator: " ")
                    catalog.append(
                        Self.input(
                            Event(
                                eventID: "item \(id)", tsMs: startMs,
                                body: .item(Event.Item(itemID: id, title: title, price: 20))),
                            offset: Int64(catalog.count)))
                    let logit = words.reduce(-1.5) { $0 + (worth[$1] ?? 0) }
                    offered.append((id, logit + 0.2 * random.normal()))
                }
                let newest = offered.suffix(10)
                let item = newest[newest.startIndex + Int(random.next() % UInt64(newest.count))]
                let number = phase * rows + row
                let sold = random.unit() < 1 / (1 + exp(-item.logit))
                log.append(
                    Self.input(
                        Event(
                            eventID: "row \(number)", tsMs: tsMs,
                            body: .outcome(
                                Event.Outcome(
                                    offer: Event.Offer(
                                        userID: "user \(random.next() % 500)", itemID: item.id,
                                        price: 20), purchased: sold))),
                        offset: Int64(number)))
                truth.append(item.logit)
            }
        }
        self.log = AblationLog(items: catalog, rows: log)
        self.truth = truth
    }

    /// What each word adds to the logit, by phase.
    private static func worths(_ random: inout SeededRandom) -> [[String: Double]] {
        let a = words.map { _ in 0.6 * random.normal() }
        let b = a.indices.map { $0.isMultiple(of: 2) ? -a[$0] : a[$0] }
        let similar = a.map { $0 + 0.15 * random.normal() }
        let c = a.indices.map { $0.isMultiple(of: 2) ? 0.6 * random.normal() : a[$0] }
        return [a, b, similar, c, a].map { Dictionary(uniqueKeysWithValues: zip(words, $0)) }
    }

    private static func input(_ event: Event, offset: Int64) -> EngineInput {
        EngineInput(
            record: SourceRecord(
                position: TopicPartition(topic: "conflict", partition: 0), offset: offset,
                value: nil),
            event: .success(event))
    }
}
