import ArgumentParser
import EventLog
import Events
import Glibc
import Mapping
import Records
import Terminal

/// `bench decode`: how many events a second one core decodes and validates.
struct DecodeBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Events decoded and validated a second, on one core.",
        discussion: """
            Decodes the same events again and again into full values, strict validation included, \
            and reports the median and the best pass. Without --events the events are made up from \
            a seed: outcomes, impressions, clicks, purchases, refunds and items as shops send them.

            With --mapped they are clicks, decoded as Tidemark's own events and through a mapping \
            from a shop's names, and orders of 50 lines, of which every line is a purchase.
            """)

    @Option(help: "A log to decode instead of generated events.", completion: .file())
    var events: String?

    @Option(help: "How many events a pass has; of a log, the first ones.")
    var count = 100_000

    @Option(help: "How long to go on, in seconds.")
    var seconds = 2.0

    @Option(help: "The seed of the generated events.")
    var seed: UInt64 = 1

    @Flag(help: "Compare a mapping's decoding with that of the same events as they are.")
    var mapped = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard !mapped || events == nil else {
            throw ValidationError("--mapped is of generated events, without --events.")
        }
        guard count > 0 else { throw ValidationError("--count must be 1 or more.") }
        guard seconds > 0, seconds <= 3600 else {
            throw ValidationError("--seconds must be above 0 and at most 3600.")
        }
    }

    func run() throws {
        if mapped { return try compare() }
        let payloads = try self.payloads()
        guard !payloads.isEmpty else {
            throw ExitStatus.badData.failure("\(events ?? "the log"): holds no events")
        }
        // The parser alone says what strictness and the making of values cost.
        let parser = JSONParser()
        let parsing = passes(over: payloads, seconds: seconds / 4) { parser.accepts($0) }
        let decoding = decoding(payloads)
        let report = Report(
            source: events ?? "generated, seed \(seed)", events: payloads.count,
            rejected: payloads.count - decoding.accepted,
            bytes_per_event: Double(payloads.reduce(0) { $0 + $1.count }) / Double(payloads.count),
            decode: decoding.rates(payloads), parse_only: parsing.rates(payloads))
        print(json ? try jsonText(report) : report.table)
    }

    private func decoding(_ payloads: [[UInt8]]) -> Passes {
        let decoder = EventDecoder()
        return passes(over: payloads, seconds: seconds) { bytes in
            do throws(EventError) {
                _ = try decoder.decode(bytes)
                return true
            } catch {
                return false
            }
        }
    }

    private func compare() throws {
        let clicks = MappedClicks(count: count, seed: seed)
        let decoder = MappingDecoder(try MappedClicks.mapping(), EventDecoder())
        func mapping(_ records: [SourceRecord]) -> Passes {
            passes(over: records, seconds: seconds) { record in
                decoder.decode(record, clockMs: nil).allSatisfy { element in
                    if case .event = element.outcome { true } else { false }
                }
            }
        }
        let native = decoding(clicks.native)
        let single = mapping(clicks.mapped)
        let lines = mapping(clicks.orders)
        let rejected = [
            count - native.accepted, count - single.accepted, clicks.orders.count - lines.accepted,
        ]
        let report = MappedReport(
            events: count, rejected: rejected.reduce(0, +),
            native_per_cpu_second: native.perCPUSecond(count),
            mapped_per_cpu_second: single.perCPUSecond(count),
            order_lines_per_cpu_second: lines.perCPUSecond(count))
        print(json ? try jsonText(report) : report.table)
    }

    private func payloads() throws -> [[UInt8]] {
        guard let events else {
            var shop = ShopEvents(seed: seed)
            return (0..<count).map { _ in EventEncoder.encode(shop.next()) }
        }
        var payloads: [[UInt8]] = []
        do throws(LogError) {
            let reader = try LogReader(path: events)
            while payloads.count < count, let entry = try reader.next() {
                if case .record(let record) = entry.content, let value = record.value {
                    payloads.append(value)
                }
            }
        } catch {
            throw ExitStatus.badData.failure(error.description)
        }
        return payloads
    }
}

/// Passes over the same payloads, timed one by one.
private struct Passes {
    var seconds: [Double] = []
    /// Processor time of the thread: what other work on the machine does not take away.
    var cpuSeconds: [Double] = []
    /// Payloads that were accepted in a pass.
    var accepted = 0

    /// Of the median pass.
    func perCPUSecond(_ events: Int) -> Double {
        Double(events) / cpuSeconds.sorted()[cpuSeconds.count / 2]
    }

    func rates(_ payloads: [[UInt8]]) -> Rates {
        let sorted = seconds.sorted()
        let bytes = Double(payloads.reduce(0) { $0 + $1.count })
        let median = sorted[sorted.count / 2]
        return Rates(
            passes: sorted.count,
            events_per_second: Double(payloads.count) / median,
            events_per_second_best: Double(payloads.count) / sorted[0],
            events_per_cpu_second: perCPUSecond(payloads.count),
            megabytes_per_second: bytes / median / 1e6)
    }
}

private func passes<Payload>(
    over payloads: [Payload], seconds: Double, _ body: (Payload) -> Bool
) -> Passes {
    let clock = ContinuousClock()
    var passes = Passes()
    let start = clock.now
    repeat {
        passes.accepted = 0
        let took = measured {
            for payload in payloads where body(payload) { passes.accepted += 1 }
        }
        passes.seconds.append(took.wall)
        passes.cpuSeconds.append(took.cpu)
    } while (clock.now - start) / .seconds(1) < seconds || passes.seconds.count < 3
    return passes
}

private struct Rates: Encodable {
    let passes: Int
    let events_per_second: Double
    let events_per_second_best: Double
    let events_per_cpu_second: Double
    let megabytes_per_second: Double
}

private struct Report: Encodable {
    let source: String
    let events: Int
    let rejected: Int
    let bytes_per_event: Double
    let decode: Rates
    let parse_only: Rates

    var table: String {
        var table = TextTable([
            ("step", .left), ("events/s", .right), ("best", .right), ("per CPU second", .right),
            ("MB/s", .right),
        ])
        for (name, rates) in [("decode and validate", decode), ("parse only", parse_only)] {
            let cells = [
                rates.events_per_second, rates.events_per_second_best,
                rates.events_per_cpu_second, rates.megabytes_per_second,
            ].map { grouped(Int($0.rounded())) }
            table.add([name] + cells)
        }
        return """
            \(events) events of \(Int(bytes_per_event)) bytes (\(source)), \(rejected) rejected, \
            one core

            \(table.rendered())
            """
    }
}

private struct MappedReport: Encodable {
    let events: Int
    let rejected: Int
    let native_per_cpu_second: Double
    let mapped_per_cpu_second: Double
    let order_lines_per_cpu_second: Double

    var table: String {
        var table = TextTable([
            ("events", .left), ("per CPU second", .right), ("of native", .right),
        ])
        for (name, rate) in [
            ("native clicks", native_per_cpu_second), ("mapped clicks", mapped_per_cpu_second),
            ("lines of mapped orders", order_lines_per_cpu_second),
        ] {
            let share = Int((100 * rate / native_per_cpu_second).rounded())
            table.add([name, grouped(Int(rate.rounded())), "\(share) %"])
        }
        return """
            \(events) events, orders of \(MappedClicks.linesPerOrder) lines, \(rejected) records \
            rejected, one core

            \(table.rendered())
            """
    }
}
