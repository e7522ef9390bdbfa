import ContinualLearning
import Engine
import Records
import ResponseModel

/// What the engine told at a batch's boundary, as the journal keeps it: a replay must come to the same.
enum JournaledNotice: Sendable, Equatable {
    case refreshStarted
    case refreshBroughtNothing
    case driftFound(head: String, example: Int)
    case effectFound(EffectFinding, model: String, example: Int)
    case contextKeyLeftOut(String)
    case judged(GateResult)
    /// Of a journal before format 4: the words that were written then.
    case words(String)

    init(_ notice: EngineNotice, example: Int) {
        self =
            switch notice {
            case .refreshStarted: .refreshStarted
            case .refreshBroughtNothing: .refreshBroughtNothing
            case .driftFound(let head, let example): .driftFound(head: head, example: example)
            case .effectFound(let finding, let model, let example):
                .effectFound(finding, model: model, example: example)
            case .contextKeysLeftOut(let key, _): .contextKeyLeftOut(key)
            case .refreshJudged(let verdict): .judged(GateResult(verdict, example: example))
            case .headsJudged(let verdict): .judged(GateResult(verdict, example: example))
            }
    }

    /// For people, who are shown a difference.
    var text: String {
        switch self {
        case .refreshStarted: "a refresh that started"
        case .refreshBroughtNothing: "a refresh that brought nothing"
        case .driftFound(let head, let example): "drift of \(head) at example \(example)"
        case .effectFound(let finding, let model, let example):
            "\(finding.rawValue) of \(model) at example \(example)"
        case .contextKeyLeftOut(let key): "context key \(key) left out"
        case .judged(let result): (try? JSONText.text(result, [.sortedKeys])) ?? "\(result)"
        case .words(let text): text
        }
    }
}

/// What a replay came to, which a journal of any format is held against.
struct ReplayedNotice {
    let notice: EngineNotice
    /// Examples learned when it came.
    let example: Int

    /// Whether the journal says the same.
    func isSame(as journaled: JournaledNotice) throws -> Bool {
        if case .words(let text) = journaled { return try text == words() }
        return journaled == JournaledNotice(notice, example: example)
    }

    /// As journals before format 4 had it.
    private func words() throws -> String {
        switch notice {
        case .refreshStarted: "started"
        case .refreshBroughtNothing: "brought nothing"
        case .driftFound(let head, let example): "drift of \(head) at example \(example)"
        // No engine of that time said so.
        case .effectFound: text
        case .contextKeysLeftOut(let key, _): "context key \(key) left out"
        case .refreshJudged(let verdict): try JSONText.text(verdict, [.sortedKeys])
        case .headsJudged(let verdict): "heads " + (try JSONText.text(verdict, [.sortedKeys]))
        }
    }

    var text: String { JournaledNotice(notice, example: example).text }
}

extension JournaledNotice {
    private enum Kind: UInt8 {
        case words = 0
        case refreshStarted, refreshBroughtNothing, driftFound, contextKeyLeftOut, judged
        case answersChanged, effectFound
    }

    func write(to writer: inout ByteWriter) {
        func kind(_ kind: Kind) { writer.integer(kind.rawValue) }
        switch self {
        case .words(let text):
            kind(.words)
            writer.string(text)
        case .refreshStarted: kind(.refreshStarted)
        case .refreshBroughtNothing: kind(.refreshBroughtNothing)
        case .driftFound(let head, let example):
            kind(.driftFound)
            writer.string(head)
            writer.integer(Int64(example))
        case .effectFound(let finding, let model, let example):
            kind(.effectFound)
            writer.string(finding.rawValue)
            writer.string(model)
            writer.integer(Int64(example))
        case .contextKeyLeftOut(let key):
            kind(.contextKeyLeftOut)
            writer.string(key)
        case .judged(let result):
            kind(.judged)
            result.write(to: &writer)
        }
    }

    init(_ reader: inout ByteReader) throws(ByteCodingError) {
        let raw = try reader.integer(UInt8.self)
        switch Kind(rawValue: raw) {
        case .words: self = .words(try reader.string())
        case .refreshStarted: self = .refreshStarted
        case .refreshBroughtNothing: self = .refreshBroughtNothing
        case .driftFound:
            self = .driftFound(
                head: try reader.string(), example: Int(try reader.integer(Int64.self)))
        // Journals of the version before knew of this finding alone.
        case .answersChanged:
            self = .effectFound(
                .answersChanged, model: try reader.string(),
                example: Int(try reader.integer(Int64.self)))
        case .effectFound:
            let name = try reader.string()
            guard let finding = EffectFinding(rawValue: name) else {
                throw .badValue(at: 2, "\(name) where a finding should be")
            }
            self = .effectFound(
                finding, model: try reader.string(),
                example: Int(try reader.integer(Int64.self)))
        case .contextKeyLeftOut: self = .contextKeyLeftOut(try reader.string())
        case .judged: self = .judged(try GateResult(&reader))
        case nil: throw .badValue(at: 2, "\(raw) where a kind of notice should be")
        }
    }
}

extension GateResult {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.string(subject.rawValue)
        writer.integer(Int64(example))
        writer.integer(Int64(judged))
        writer.string(outcome.rawValue)
        writer.optional(harm) { $0.double($1) }
        writer.optional(harmOfAll) { $0.double($1) }
        writer.optional(slice) { $0.string($1) }
        writer.bool(byAnchors)
        writer.optional(shift) { writer, shift in
            writer.string(shift.slice)
            writer.integer(Int64(shift.examples))
            writer.double(shift.expected)
            writer.double(shift.observed)
        }
        writer.optional(bounds) { writer, bounds in
            writer.optional(bounds.lower) { $0.double($1) }
            writer.optional(bounds.upper) { $0.double($1) }
            writer.double(bounds.margin)
        }
        writer.optional(training) { writer, training in
            writer.integer(Int64(training.steps))
            writer.double(training.moved ?? .nan)
        }
    }

    fileprivate init(_ reader: inout ByteReader) throws(ByteCodingError) {
        let at = reader.position
        let subject = try reader.string()
        let (example, judged) = (
            try reader.integer(Int64.self), try reader.integer(Int64.self)
        )
        let outcome = try reader.string()
        guard let subject = Subject(rawValue: subject),
            let outcome = RefreshGate.Outcome(rawValue: outcome)
        else { throw .badValue(at: at, "no result of a gate") }
        let real = { (r: inout ByteReader) throws(ByteCodingError) in
            let value = try r.double()
            guard value.isFinite else { throw .badValue(at: r.position, "no number") }
            return value
        }
        self.init(
            subject, example: Int(example), judged: Int(judged), outcome: outcome,
            harm: try reader.optional(real))
        harmOfAll = try reader.optional(real)
        slice = try reader.optional { r throws(ByteCodingError) in try r.string() }
        byAnchors = try reader.bool()
        shift = try reader.optional { r throws(ByteCodingError) in
            LabelShift.Finding(
                slice: try r.string(), examples: Int(try r.integer(Int64.self)),
                expected: try real(&r), observed: try real(&r))
        }
        bounds = try reader.optional { r throws(ByteCodingError) in
            Bounds(
                lower: try r.optional(real), upper: try r.optional(real), margin: try real(&r))
        }
        training = try reader.optional { r throws(ByteCodingError) in
            Training(steps: Int(try r.integer(Int64.self)), moved: try r.double())
        }
    }
}
