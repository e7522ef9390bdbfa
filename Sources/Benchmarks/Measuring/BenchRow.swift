import Foundation
import Terminal

/// One line of a bench: what, how much of it a second, and what that is worth.
struct BenchRow: Encodable {
    let name: String
    let value: Double
    let unit: String
    var note: String?

    static func table(_ rows: [BenchRow]) -> String {
        var table = TextTable([("", .left), ("", .right), ("", .left), ("", .left)])
        for row in rows {
            let digits = row.value < 10 ? 3 : row.value < 1000 ? 1 : 0
            table.add(
                row.name, String(format: "%.\(digits)f", row.value), row.unit, row.note ?? "")
        }
        return table.rendered()
    }
}
