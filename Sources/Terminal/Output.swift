import Foundation
import Records
import Telemetry

/// Standard error, for messages and progress; standard output carries results alone.
package struct StandardError: TextOutputStream, Sendable {
    /// Writes the text, with what would act on a terminal made visible.
    package func write(_ string: String) { LineSink.standardError.write(string.printableLines) }
}

/// For `print(to:)`, which takes it as a variable.
package let standardError = StandardError()

/// Prints a result for people; nothing in it acts on their terminal.
package func show(_ text: String) { print(text.printableLines) }

/// A small table for people: a header line, a rule, columns as wide as their widest cell.
package struct TextTable {
    /// The side that a column's cells stand at.
    package enum Alignment {
        /// Cells are filled up with blanks on the other side.
        case left, right
    }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    /// A table of these columns, without rows.
    package init(_ columns: [(String, Alignment)]) {
        self.columns = columns.map { (title: $0.0.printable, alignment: $0.1) }
    }

    /// Adds a row; traps where cells and columns differ in number.
    package mutating func add(_ cells: String...) { add(cells) }

    /// Adds a row; traps where cells and columns differ in number.
    package mutating func add(_ cells: [String]) {
        precondition(cells.count == columns.count)
        // A cell is one line, whatever a producer or a client has sent.
        rows.append(cells.map(\.printable))
    }

    /// The table as lines, the last one without an end.
    package func rendered() -> String {
        let widths = columns.indices.map { index in
            ([columns[index].title] + rows.map { $0[index] }).map(\.count).max() ?? 0
        }
        func line(_ cells: [String]) -> String {
            let padded = cells.indices.map { index in
                let space = String(repeating: " ", count: widths[index] - cells[index].count)
                return columns[index].alignment == .left
                    ? cells[index] + space : space + cells[index]
            }
            let joined = padded.joined(separator: "  ")
            return String(joined.reversed().drop(while: { $0 == " " }).reversed())
        }
        let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
        return ([line(columns.map(\.title)), rule] + rows.map(line)).joined(separator: "\n")
    }
}

/// Encodes with sorted keys, so that the same value is the same text.
package func jsonText(_ value: some Encodable) throws -> String {
    try JSONText.text(value, [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
}
