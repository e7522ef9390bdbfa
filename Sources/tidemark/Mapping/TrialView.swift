import Daemon
import Events
import Foundation
import Mapping
import Records
import Terminal

/// Shows what a mapping makes of records: the first ones field by field, all of them in numbers.
struct TrialView {
    private var trial: MappingTrial
    private let isJSON: Bool
    private let shownMax: Int

    init(_ trial: MappingTrial, isJSON: Bool, shownMax: Int) {
        self.trial = trial
        self.isJSON = isJSON
        self.shownMax = shownMax
    }

    mutating func show(_ record: SourceRecord) throws {
        guard let tried = trial.take(record) else { return }
        if isJSON {
            for element in tried.elements {
                switch element.outcome {
                case .event(let event):
                    print(String(decoding: EventEncoder.encode(event), as: UTF8.self))
                case .refused(let reason, let code, _):
                    standardError.write(
                        "\(record.position):\(record.offset) element \(element.index + 1) \(code): \(reason)\n"
                    )
                case .ignored: continue
                }
            }
        } else if trial.counts.records <= shownMax {
            print(text(of: tried).map(\.printable).joined(separator: "\n") + "\n")
        }
    }

    func finish() {
        guard isJSON else { return print(summary) }
        if let unpriced { standardError.write(unpriced + "\n") }
    }

    private func text(of tried: MappingTrial.Record) -> [String] {
        let record = tried.record
        var lines = ["record \(record.position):\(record.offset)"]
        lines.append("  " + Self.shortened(record.value ?? []))
        for element in tried.elements {
            let rule = element.rule.map { " by rule '\($0)'" } ?? ""
            switch element.outcome {
            case .ignored: lines.append("  ignored" + (rule.isEmpty ? ": no rule takes it" : rule))
            case .refused(let reason, let code, _):
                lines.append("  REFUSED \(code): \(reason)")
                lines += fields(element)
            case .event(let event):
                lines.append("  \(event.type.rawValue)\(rule)")
                lines += fields(element)
            }
        }
        return lines
    }

    /// What was written of an element, each field with where it comes from.
    private func fields(_ element: MappedElement) -> [String] {
        guard let written = element.written, let rule = element.rule else { return [] }
        let rows = trial.mapping.fields(of: written).filter { $0.name != "type" }
        let width = rows.map(\.name.count).max() ?? 0
        return rows.map { row in
            let source = trial.mapping.source(of: row.name, rule: rule).map { "  <- \($0)" } ?? ""
            let space = String(repeating: " ", count: width - row.name.count)
            return "    \(row.name)\(space)  \(row.value)\(source)"
        }
    }

    private static func shortened(_ bytes: [UInt8], to count: Int = 240) -> String {
        let text = String(decoding: bytes.prefix(4 * count), as: UTF8.self)
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.count > count || bytes.count > 4 * count ? line.prefix(count) + "…" : line
    }

    private var summary: String {
        let counts = trial.counts
        var table = TextTable([("OUTCOME", .left), ("COUNT", .right)])
        for (type, count) in counts.events.sorted(by: { $0.key < $1.key }) {
            table.add(type, String(count))
        }
        if counts.ignored > 0 { table.add("ignored", String(counts.ignored)) }
        for (code, count) in counts.reasons.sorted(by: { $0.key < $1.key }) {
            table.add("refused: " + code, String(count))
        }
        let hidden = counts.records - min(counts.records, shownMax)
        return table.rendered()
            + "\n\n\(counts.records) records: \(counts.eventCount) events, \(counts.ignored) elements ignored, \(counts.refused) refused"
            + (hidden > 0 ? "; \(hidden) records not shown (--limit)" : "")
            + (unpriced.map { "\n" + $0 } ?? "")
    }

    private var unpriced: String? {
        guard trial.counts.unpriced > 0 else { return nil }
        return
            "Events without a price of their own: \(trial.counts.unpriced). Where neither the item that came with it, "
            + "nor an offer that stands, nor the catalogue has one, such an event is a dead letter (unpriced)."
    }
}
