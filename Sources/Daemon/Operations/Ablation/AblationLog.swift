import Engine
import EventLog
import Events
import Records

/// A log of pre-joined rows in memory, cut into phases; of each phase a fifth is kept apart.
struct AblationLog {
    /// Names of the phases, in the order they begin; `all` where the log has none.
    private(set) var phases: [String] = []
    /// What is known of items, before and during the log, in its order.
    private(set) var items: [EngineInput] = []
    /// Rows to learn from and rows kept apart, by phase.
    private(set) var learned: [[EngineInput]] = []
    private(set) var heldOut: [[EngineInput]] = []

    /// One phase of which nothing is kept apart.
    init(items: [EngineInput], rows: [EngineInput]) {
        phases = ["all"]
        self.items = items
        learned = [rows]
        heldOut = [[]]
    }

    /// - Parameters:
    ///   - phaseField: the text field that names a row's phase; `nil`: one phase, nothing kept apart.
    ///   - limits: as in a replay.
    init(
        events: String, catalog: String?, phaseField: String?, limits: EventLimits
    ) throws {
        let decoding = Decoding(limits: limits, extraField: phaseField)
        var index: [String: Int] = [:]
        for path in [catalog, events].compactMap({ $0 }) {
            let reader = try LogReader(path: path)
            while let entry = try reader.next() {
                // Without a mapping a line is one event.
                let (record, refusal) = entry.input(topic: reader.topic)
                let input = decoding.decode(record, rejected: refusal)[0]
                let line = "\(path), line \(entry.line)"
                let event: Event
                switch input.event {
                case .success(let decoded): event = decoded
                case .failure(let rejected):
                    throw AblationError.badLine(line, rejected.reason)
                }
                if case .item = event.body {
                    items.append(input)
                    continue
                }
                guard case .outcome = event.body else {
                    throw AblationError.notPrejoined(line, event.type)
                }
                guard let phase = phaseField == nil ? "all" : event.extra else {
                    throw AblationError.noPhase(line, field: phaseField ?? "")
                }
                let place = index[phase] ?? add(phase: phase)
                index[phase] = place
                if phaseField != nil, Self.isHeldOut(event.eventID) {
                    heldOut[place].append(input)
                } else {
                    learned[place].append(input)
                }
            }
        }
        guard !learned.isEmpty else { throw AblationError.empty(events) }
        for (phase, rows) in zip(phases, zip(learned, heldOut))
        where phaseField != nil && (rows.0.isEmpty || rows.1.isEmpty) {
            throw AblationError.smallPhase(phase)
        }
    }

    /// IEEE CRC-32 of the event's id, divisible by five.
    static func isHeldOut(_ eventID: String) -> Bool {
        CRC32.checksum(eventID.utf8).isMultiple(of: 5)
    }

    private mutating func add(phase: String) -> Int {
        phases.append(phase)
        learned.append([])
        heldOut.append([])
        return phases.count - 1
    }

    /// All rows to learn up to and including `phase`, shuffled.
    ///
    /// The order changes, the clock does not: the n-th row comes at the n-th time of the log, so that
    /// no row is late and whatever learns by time sees it pass as it did.
    func shuffled(upTo phase: Int, seed: UInt64) -> [EngineInput] {
        let rows = learned[...phase].flatMap { $0 }
        let times = rows.compactMap { try? $0.event.get().tsMs }.sorted()
        var random = SeededRandom(seed: seed)
        return zip(rows.shuffled(using: &random), times).map { row, time in
            EngineInput(
                record: row.record,
                event: row.event.map { event in
                    var moved = event
                    moved.tsMs = time
                    return moved
                })
        }
    }
}

/// Why a log cannot be used for an ablation; a text says which line, phase or file.
public enum AblationError: Error, CustomStringConvertible, ClassifiedFailure {
    case badLine(String, String)
    case notPrejoined(String, EventType)
    case noPhase(String, field: String)
    case smallPhase(String)
    case empty(String)

    /// The log is at fault: bad data.
    public var failureKind: FailureKind { .badData }

    /// Which line, phase or file is at fault, and why.
    public var description: String {
        switch self {
        case .badLine(let line, let reason): "\(line): \(reason)"
        case .notPrejoined(let line, let type):
            "\(line): an event of type \(type.rawValue); ablate takes pre-joined rows (type outcome) and items"
        case .noPhase(let line, let field): "\(line): no text field '\(field)' that names a phase"
        case .smallPhase(let phase):
            "phase '\(phase)' has too few rows: none to learn from or none to keep apart"
        case .empty(let path): "\(path) has no rows"
        }
    }
}
