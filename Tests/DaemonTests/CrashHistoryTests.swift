import Daemon
import Events
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

@Suite struct CrashHistoryTests {
    private let one = TopicPartition(topic: "events", partition: 0)
    private let two = TopicPartition(topic: "events", partition: 1)

    private func places(_ position: TopicPartition, _ range: Range<Int64>)
        -> [CrashHistory.SourcePlace]
    {
        range.map { .init(position, $0) }
    }

    /// Learns a partition of `count` records with a culprit, starting again after every crash.
    ///
    /// - Returns: how often the process ended, what was refused, and how often each was learned.
    private func learn(_ count: Int64, culprits: Set<Int64>, batch: Int64, crashesMax: Int = 200)
        -> (crashes: Int, refused: [Int64], learned: [Int64])
    {
        var history = CrashHistory()
        var stored: Int64 = 0
        var crashes = 0
        var refused: [Int64] = []
        var learned: [Int64] = []
        process: while crashes < crashesMax {
            history.resume(from: stored == 0 ? [:] : [one: stored], crashed: true)
            while stored < count {
                let size = min(batch, Int64(history.limit ?? Int(batch)))
                let range = stored..<min(count, stored + size)
                var tried = places(one, range)
                if let culprit = history.culprit, range.contains(culprit.offset) {
                    let goesOn = history.refused(culprit)
                    #expect(goesOn)
                    refused.append(culprit.offset)
                    tried.removeAll { $0 == culprit }
                }
                history.begin(tried)
                if tried.contains(where: { culprits.contains($0.offset) }) {
                    crashes += 1
                    continue process
                }
                learned += tried.map(\.offset)
                stored = range.upperBound
                history.committed([one: stored])
            }
            return (crashes, refused, learned)
        }
        return (crashes, refused, learned)
    }

    @Test(
        "a record that ends the process is found and refused; every other one is learned once",
        arguments: [0, 1, 250, 499, 999] as [Int64])
    func poison(at culprit: Int64) {
        let outcome = learn(1000, culprits: [culprit], batch: 500)
        #expect(outcome.refused == [culprit])
        #expect(outcome.learned == (0..<1000).filter { $0 != culprit })
        #expect(outcome.crashes <= 16, "\(outcome.crashes) crashes")
    }

    @Test("several such records are refused one after the other")
    func several() {
        let culprits: Set<Int64> = [3, 4, 5, 700]
        let outcome = learn(1000, culprits: culprits, batch: 500)
        #expect(outcome.refused == culprits.sorted())
        #expect(outcome.learned == (0..<1000).filter { !culprits.contains($0) })
    }

    @Test("a process that is killed at changing places loses no record by it")
    func killedElsewhere() {
        var history = CrashHistory()
        var stored: Int64 = 0
        // Every process commits something and is killed in the batch after it.
        for _ in 0..<50 {
            history.resume(from: stored == 0 ? [:] : [one: stored], crashed: true)
            #expect(history.limit == nil && history.culprit == nil)
            history.begin(places(one, stored..<stored + 100))
            stored += 100
            history.committed([one: stored])
            history.begin(places(one, stored..<stored + 100))
        }
    }

    @Test("an end between the commit and its note is no crash")
    func committedAndKilled() {
        var history = CrashHistory()
        for number in 0..<10 {
            history.resume(from: [one: Int64(number)], crashed: true)
            #expect(history.limit == nil && history.stretches.isEmpty)
            history.begin(places(one, Int64(number)..<Int64(number) + 1))
        }
    }

    @Test("a partition that stands still is counted though others move on")
    func twoPartitions() {
        var history = CrashHistory()
        for round in 0..<3 {
            let moved = Int64(round * 10)
            history.resume(from: [one: moved, two: 5], crashed: true)
            #expect(history.limit == nil)
            history.begin(places(one, moved..<moved + 10))
            history.begin(places(two, 5..<9))
            // The first partition's records are committed by another batch before the end comes.
            history.committed([one: moved + 10])
            history.begin(places(two, 5..<9))
        }
        history.resume(from: [one: 30, two: 5], crashed: true)
        #expect(history.limit == 2)
    }

    @Test(
        "fifty storms of thirty kills change nothing of how batches are cut and refuse nothing; from the third at one place on they are told of"
    )
    func storms() {
        var random = SeededRandom(seed: 7)
        var history = CrashHistory()
        var stored: Int64 = 0
        for _ in 0..<50 {
            for kill in 1...30 {
                history.resume(from: stored == 0 ? [:] : [one: stored], crashed: false)
                #expect(history.limit == nil && history.culprit == nil)
                #expect((history.held != nil) == (kill > 3))
                #expect(history.held.map { $0.count == kill - 1 } ?? true)
                #expect(history.held.map { $0.texts == ["events:0:\(stored)-\(stored)"] } ?? true)
                // One record alone is the hardest case.
                history.begin(places(one, stored..<stored + 1))
            }
            stored += 1 + Int64(random.next() % 100)
            history.committed([one: stored])
        }
    }

    /// How many crashes on one record it takes to have it refused, each followed by so many kills.
    private func crashesNeeded(kills: Int) -> Int {
        var history = CrashHistory()
        var crashes = 0
        for life in 0..<200 {
            history.resume(from: [one: 10], crashed: life % (kills + 1) == 1 % (kills + 1))
            if history.culprit == .init(one, 10) { return crashes }
            history.begin(places(one, 10..<10 + Int64(history.limit ?? 64)))
            if life % (kills + 1) == 0 { crashes += 1 }
        }
        return .max
    }

    @Test("kills between the crashes on one record count for nothing, and the search goes on")
    func killsWhileSearching() {
        let undisturbed = crashesNeeded(kills: 0)
        #expect(undisturbed < 15)
        #expect(crashesNeeded(kills: 2) == undisturbed)
    }

    @Test("a history that was written is read back, and bytes that are none are refused")
    func coding() throws {
        var history = CrashHistory()
        history.begin(places(one, 5..<9))
        history.resume(from: [one: 5], crashed: true)
        history.begin(places(one, 5..<9))
        history.resume(from: [one: 5], crashed: false)
        history.begin(places(two, 1..<2))
        #expect(try CrashHistory(bytes: history.bytes) == history)
        for count in 0..<history.bytes.count {
            #expect(throws: ByteCodingError.self) {
                try CrashHistory(bytes: Array(history.bytes.prefix(count)))
            }
        }
    }

    @Test("so many refused without one learned in between are not the records' fault")
    func notTheRecords() {
        var history = CrashHistory()
        for number in 0..<CrashHistory.refusedMax {
            let goesOn = history.refused(.init(one, Int64(number)))
            #expect(goesOn)
            history.committed([one: Int64(number) + 1])
        }
        let goesOn = history.refused(.init(one, 99))
        #expect(!goesOn)
    }
}

@Suite struct PoisonTests {
    @Test(
        "a record that kills the daemon 50 times in a row if it must goes to the dead letters, and all others are learned once",
        arguments: [
            ("at_least_once", SelfHarm.End.abort), ("exactly_once", .trap),
            ("at_least_once", .segmentation),
        ])
    func poisonousRecord(guarantee: String, end: SelfHarm.End) async throws {
        let fixture = try DaemonFixture(partitions: 2)
        let ts = nowMs() - 60_000
        func outcome(_ number: Int, user: String) -> String {
            """
            {"type":"outcome","event_id":"o-\(number)","ts":\(ts + Int64(number)),\
            "user_id":"\(user)","item_id":"kettle","price":20,"purchased":\(number % 3 == 0)}
            """
        }
        try fixture.send(
            (0..<100).map { outcome($0, user: $0 == 57 ? "poison" : "u\($0)") }, partition: 0)
        try fixture.send((100..<150).map { outcome($0, user: "u\($0)") }, partition: 1)
        let overrides = try fixture.overrides(["publish.guarantee=\(guarantee)"])
        var crashes = 0
        let done = fixture.folder + "/done"
        while crashes < 50, !FileManager.default.fileExists(atPath: done) {
            await #expect(processExitsWith: .signal(end.signal)) {
                [
                    overrides = overrides as [String], done = done as String,
                    end = end as SelfHarm.End
                ] in
                try runChild(
                    overrides, SelfHarm(moment: .beforeLearning, end: end, poison: "poison"),
                    idleMs: 300)
                _ = FileManager.default.createFile(atPath: done, contents: nil)
                end.come()
            }
            if !FileManager.default.fileExists(atPath: done) { crashes += 1 }
        }
        #expect((4...20).contains(crashes), "\(crashes) crashes")
        let report = try fixture.run(
            try Configuration.load(file: nil, environment: [:], overrides: overrides))
        #expect(report.examples == 149 && report.events.duplicates == 0)
        let letters = try fixture.read(fixture.deadLetters)
        #expect(letters.count == 1)
        let letter = try #require(letters.first)
        #expect(text(letter).contains("poison"))
        let headers = Dictionary(
            letter.headers.map { ($0.name, String(decoding: $0.value, as: UTF8.self)) }
        ) { $1 }
        #expect(headers["tidemark-partition"] == "0" && headers["tidemark-offset"] == "57")
        #expect(headers["tidemark-reason"]?.contains("crashed") == true)
    }
}
