import ArgumentParser
import Glibc
import Records
import ResponseModel
import Terminal

/// `bench head`: how many examples a second the response head learns, and what it spends them on.
struct HeadBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "head",
        abstract: "Updates a second of the response head, on one core, by part of a step.",
        discussion: """
            Learns made-up streams of two shapes: a grocer's (58 items, 77 shops as users, \
            displays, features and discounts) and a headline test's (new texts all the time, no \
            discounts). Then it prices a known item and a new one at ten discounts, and collects \
            the rows that a commit of 500 events writes.
            """)

    @Option(help: "How many events a stream has.")
    var events = 50_000

    @Option(help: "The seed of the streams.")
    var seed: UInt64 = 1

    @Option(help: "Length of the items' vectors.")
    var dimension = 384

    @Option(
        help:
            "Only learn so many events of each stream and tell how often a covariance was repaired."
    )
    var soak: Int?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard soak ?? 1 >= 1 else { throw ValidationError("--soak must be 1 or more.") }
        guard events >= 2000 else { throw ValidationError("--events must be 2000 or more.") }
        guard (1...4096).contains(dimension) else {
            throw ValidationError("--dimension must be from 1 to 4096.")
        }
    }

    func run() throws {
        if let soak {
            let soaks: [HeadSoak]
            do throws(ResponseError) {
                soaks = [try endure(.grocery, soak), try endure(.headlines, soak)]
            } catch {
                throw ExitStatus.bug.failure(error.description)
            }
            print(json ? try jsonText(soaks) : soaks.map(\.line).joined(separator: "\n"))
            return
        }
        let grocery: HeadResult
        let headlines: HeadResult
        do throws(ResponseError) {
            grocery = try measure(.grocery)
            headlines = try measure(.headlines)
        } catch {
            throw ExitStatus.bug.failure(error.description)
        }
        print(
            json ? try jsonText([grocery, headlines]) : HeadResult.table(grocery, headlines))
    }

    /// Learns a long stream. The head looks at its whole covariance every 64 blocks, and counts what it had
    /// to repair.
    private func endure(
        _ shape: ResponseStream.Shape, _ count: Int
    ) throws(ResponseError) -> HeadSoak {
        var stream = ResponseStream(shape, seed: seed, dimension: dimension)
        var head = ResponseHead(name: "bench", dimension: dimension)
        for _ in 0..<count { try head.learn(stream.next()) }
        let summary = head.summary
        return HeadSoak(
            stream: shape.rawValue, events: count, blocks: Int(summary.blocks),
            repairs: Int(summary.repairs))
    }

    private func measure(_ shape: ResponseStream.Shape) throws(ResponseError) -> HeadResult {
        var stream = ResponseStream(shape, seed: seed, dimension: dimension)
        let examples = (0..<events).map { _ in stream.next() }
        // The first pass is timed as a whole; the second has a clock between the parts.
        var head = ResponseHead(name: "bench", dimension: dimension)
        let seconds = try measured { () throws(ResponseError) in
            for example in examples { try head.learn(example) }
        }
        var profiled = ResponseHead(name: "bench", dimension: dimension)
        profiled.work.profile.clock = { nanoseconds(CLOCK_MONOTONIC) }
        for example in examples { try profiled.learn(example) }
        let spent = profiled.work.profile.nanoseconds
        let total = Double(spent.reduce(0, +))
        let shares = StepProfile.Part.allCases.map {
            HeadResult.Share(
                part: String(describing: $0), share: Double(spent[$0.rawValue]) / total)
        }
        let last = examples[examples.count - 1]
        let fresh = ItemFeatures(id: "a new item", vector: last.item.vector)
        let (commit, collect) = try commitOf(&head, &stream)
        return HeadResult(
            stream: shape.rawValue, events: events, core_entries: head.summary.coreEntries,
            updates_per_second: Double(events) / seconds.wall,
            updates_per_cpu_second: Double(events) / seconds.cpu, shares: shares,
            demand_known_microseconds: try demand(head, last.exposure, last.item),
            demand_new_microseconds: try demand(head, last.exposure, fresh),
            commit_500_bytes: commit, commit_500_collect_milliseconds: collect * 1e3)
    }

    /// Microseconds that ten discounts of one exposure take.
    private func demand(
        _ head: ResponseHead, _ exposure: Exposure, _ item: ItemFeatures
    ) throws(ResponseError) -> Double {
        let depths = (0..<10).map { Double($0) * 0.05 }
        var sum = 0.0
        let count = 200
        let seconds = try measured { () throws(ResponseError) in
            for _ in 0..<count {
                sum += try head.demand(exposure, item: item, depths: depths)[9].logit
            }
        }
        precondition(sum.isFinite)
        return seconds.cpu / Double(count) * 1e6
    }

    /// Bytes of the rows that 500 more events change, and the seconds it takes to collect them.
    private func commitOf(
        _ head: inout ResponseHead, _ stream: inout ResponseStream
    ) throws(ResponseError) -> (bytes: Int, seconds: Double) {
        var changes = StateChanges()
        head.collectChanges(into: &changes)
        for _ in 0..<500 { try head.learn(stream.next()) }
        changes = StateChanges()
        let seconds = measured { head.collectChanges(into: &changes) }
        let bytes = changes.rows.reduce(0) { $0 + $1.key.count + ($1.value?.count ?? 0) }
        return (bytes, seconds.cpu)
    }
}

private struct HeadSoak: Encodable {
    let stream: String
    let events: Int
    let blocks: Int
    let repairs: Int

    var line: String {
        "\(stream): \(grouped(events)) events learned in \(grouped(blocks)) blocks, covariance repaired \(grouped(repairs)) times"
    }
}

extension ResponseHead {
    fileprivate mutating func learn(_ example: ResponseStream.Example) throws(ResponseError) {
        try learn(example.exposure, item: example.item, label: example.label)
    }
}

private struct HeadResult: Encodable {
    struct Share: Encodable {
        let part: String
        let share: Double
    }

    let stream: String
    let events: Int
    let core_entries: Int
    let updates_per_second: Double
    let updates_per_cpu_second: Double
    let shares: [Share]
    let demand_known_microseconds: Double
    let demand_new_microseconds: Double
    let commit_500_bytes: Int
    let commit_500_collect_milliseconds: Double

    static func table(_ first: HeadResult, _ second: HeadResult) -> String {
        var table = TextTable([
            ("", .left), (first.stream, .right), (second.stream, .right),
        ])
        func add(_ name: String, _ value: (HeadResult) -> String) {
            table.add(name, value(first), value(second))
        }
        add("updates/s") { rounded($0.updates_per_second) }
        add("updates/s of processor time") { rounded($0.updates_per_cpu_second) }
        add("entries of the core") { "\($0.core_entries)" }
        for (index, share) in first.shares.enumerated() {
            add("share of \(share.part)") { rounded($0.shares[index].share * 100) + " %" }
        }
        add("ten discounts of a known item") { rounded($0.demand_known_microseconds) + " µs" }
        add("ten discounts of a new item") { rounded($0.demand_new_microseconds) + " µs" }
        add("rows of a commit of 500 events") { "\($0.commit_500_bytes / 1000) kB" }
        add("collecting them") { rounded($0.commit_500_collect_milliseconds * 1e3) + " µs" }
        return table.rendered()
    }

    private static func rounded(_ value: Double) -> String { "\(Int(value.rounded()))" }
}
