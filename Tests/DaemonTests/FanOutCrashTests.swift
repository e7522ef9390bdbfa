import CCrashPoints
import Daemon
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

@Suite(.serialized) struct FanOutCrashTests {
    /// How often the daemon is killed; `TIDEMARK_CRASH_ORDERS=100` for the whole of it.
    private static let kills =
        ProcessInfo.processInfo.environment["TIDEMARK_CRASH_ORDERS"].flatMap(Int.init) ?? 6
    private static let seed =
        ProcessInfo.processInfo.environment["TIDEMARK_CRASH_SEED"].flatMap(UInt64.init) ?? 61
    /// Records that are new to each process; a whole number of batches.
    private static let slice = 20

    private static let mapping = """
        rules:
          - name: view
            when: {path: kind, equals: view}
            then: click
            fields: {event_id: id, ts: at, user_id: user, item_id: sku, price: price}
          - name: order
            when: {path: kind, equals: order}
            then: purchase
            each: lines
            fields: {event_id: {join: [id, {record: index}]}, ts: at, user_id: user,
              item_id: "@.sku", price: {path: "@.price", required: true}, quantity: "@.n",
              order_id: id}
        otherwise: dead_letter
        """

    /// Views, and orders of up to 200 lines, a few of them without a price.
    private struct Shop {
        private var random: SeededRandom
        private(set) var records = 0
        private(set) var (views, lines, letters) = (0, 0, 0)

        init(seed: UInt64) { random = SeededRandom(seed: seed) }

        mutating func next(_ count: Int) -> [String] { (0..<count).map { _ in record() } }

        private mutating func record() -> String {
            let number = records
            records += 1
            let user = "u\(random.next() % 20)"
            let common =
                #""at":\#(ShopStream.startMs + Int64(number) * 2_000),"user":"\#(user)""#
            guard random.next() % 2 == 0 else {
                views += 1
                return
                    #"{"kind":"view","id":"v\#(number)",\#(common),"sku":"s\#(random.next() % 12)","price":20}"#
            }
            let count = 1 + Int(random.next() % 200)
            let isBad = random.next() % 8 == 0
            lines += isBad ? count - 1 : count
            letters += isBad ? 1 : 0
            let items = (0..<count).map { index in
                let price = isBad && index == count / 2 ? "" : #","price":20"#
                return #"{"sku":"s\#(random.next() % 12)","n":\#(1 + random.next() % 3)\#(price)}"#
            }
            return
                #"{"kind":"order","id":"o\#(number)",\#(common),"lines":[\#(items.joined(separator: ","))]}"#
        }
    }

    private static func settings(_ file: String, _ events: String) -> [String] {
        ShopStream.overrides.filter { !$0.hasPrefix("store.sync") } + [
            "kafka.topics=[{name: \(events), mapping: \(file)}]", "batch.events=5",
            "store.commit_events=300", "store.snapshot_events=2000",
        ]
    }

    /// A process that learns until it dies: inside a write or a sync of the store, or at any instant.
    private func life(_ overrides: [String], round: Int, _ random: inout SeededRandom) async {
        let kind = round % 3
        let call = Int(1 + random.next() % (kind == 0 ? 60 : 12))
        let isAfter = random.next() % 2 == 0
        let limitUs = kind == 2 ? UInt32(random.next() % 1_500_000) : 3_000_000
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [
                overrides = overrides as [String], kind = kind as Int, call = call as Int,
                isAfter = isAfter as Bool, limitUs = limitUs as UInt32
            ] in
            let configuration = try Configuration.load(
                file: nil, environment: [:], overrides: overrides)
            if kind < 2 {
                crash_point_arm(
                    kind == 0 ? CRASH_IN_STORE_WRITE : CRASH_IN_STORE_SYNC, call, isAfter ? 1 : 0)
            }
            Thread.detachNewThread {
                usleep(limitUs)
                kill(getpid(), SIGKILL)
            }
            _ = try LearningDaemon(configuration, isStopped: { false }).run()
        }
    }

    @Test("killed in the middle of orders of many lines: no line is learned twice or missed")
    func orders() async throws {
        let scratch = try Scratch()
        let file = try scratch.log([Self.mapping], "shop.yaml")
        let fixture = try DaemonFixture(partitions: 1)
        let settings = Self.settings(file, fixture.events)
        let overrides = try fixture.overrides() + settings
        var random = SeededRandom(seed: Self.seed)
        var shop = Shop(seed: Self.seed)
        for round in 0..<Self.kills {
            try fixture.send(shop.next(Self.slice), partition: 0)
            await life(overrides, round: round, &random)
        }
        try fixture.send(shop.next(Self.slice), partition: 0)
        let killed = try fixture.run(try fixture.configuration(settings))
        #expect(killed.events.byType == ["click": shop.views, "purchase": shop.lines])
        #expect(killed.events.duplicates == 0, "seed \(Self.seed)")
        #expect(killed.events.deadLettered == shop.letters)
        #expect(killed.events.read == shop.views + shop.lines + shop.letters)
        #expect(try wholeReplay(of: fixture.store).result == .identical)

        try fixture.makeTopics([
            "\(fixture.recommendations)-reference", "\(fixture.deadLetters)-reference",
        ])
        let reference = try fixture.run(
            try fixture.configuration(
                settings + [
                    "store.path=\(fixture.folder)/reference",
                    "publish.topic=\(fixture.recommendations)-reference",
                    "publish.dead_letter_topic=\(fixture.deadLetters)-reference",
                ]))
        #expect(killed.stateSHA256 == reference.stateSHA256, "seed \(Self.seed)")
        print(
            "\(Self.kills) kills, \(shop.records) records, \(shop.lines) lines: each learned once")
    }
}
