import Daemon
import Foundation
import Terminal

/// The picture of an ablation, as SVG: how each phase's NE goes as later ones are learned, and the
/// final mean of every run.
extension AblationReport {
    func draw(to path: String) throws {
        try OutputFile.write(svg(), to: path)
    }

    private static let colors = [
        ("default", "#0b6e99"), ("naive", "#c0392b"), ("joint", "#555555"), ("frozen", "#8e6bbf"),
    ]

    func svg() -> String {
        let panel = 230.0
        let columns = phases.count > 1 ? phases.count : 0
        let barsTop = columns > 0 ? 260.0 : 40.0
        let ranked = runs.filter { $0.value.finalMeanNE != nil }.sorted {
            ($0.value.finalMeanNE ?? 0, $0.key) < ($1.value.finalMeanNE ?? 0, $1.key)
        }
        let width = max(760, Double(columns) * panel + 20)
        let height = barsTop + 24 * Double(ranked.count) + 30
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
            font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>
            """
        ]
        for phase in 0..<columns {
            parts += lines(phase, left: 10 + Double(phase) * panel, width: panel - 20)
        }
        if columns > 0 {
            for (index, (name, color)) in Self.colors.enumerated() where runs[name] != nil {
                let x = 20.0 + 120 * Double(index)
                parts.append(text(x + 16, 236, name) + line(x, 232, x + 12, 232, color))
            }
        }
        parts.append(text(10, barsTop - 8, "NE after the last phase, mean over the phases"))
        parts += bars(
            ranked.map { ($0.key, $0.value.finalMeanNE ?? 0) }, top: barsTop, width: width)
        return parts.joined(separator: "\n") + "\n</svg>"
    }

    /// NE of one phase's rows after each phase, a line a run.
    private func lines(_ phase: Int, left: Double, width: Double) -> [String] {
        let series = Self.colors.compactMap { name, color in
            runs[name].map { (color, $0.ne.map { $0[phase] }) }
        }
        let values = series.flatMap { $0.1.compactMap { $0 } }
        guard let low = values.min(), let high = values.max() else { return [] }
        let span = max(high - low, 1e-3)
        func y(_ value: Double) -> Double { 200 - 150 * (value - low) / span }
        func x(_ step: Int) -> Double {
            left + 10 + (width - 20) * Double(step) / Double(max(1, phases.count - 1))
        }
        var parts = [
            text(left, 20, phases[phase]),
            text(left, 36, "NE \(fixed(low, 3)) to \(fixed(high, 3))"),
            line(x(phase), 44, x(phase), 206, "#dddddd"),
        ]
        for (color, values) in series {
            let points = values.enumerated().compactMap { step, value in
                value.map { "\(fixed(x(step), 1)),\(fixed(y($0), 1))" }
            }
            parts.append(
                "<polyline fill=\"none\" stroke=\"\(color)\" stroke-width=\"1.5\" points=\"\(points.joined(separator: " "))\"/>"
            )
        }
        return parts
    }

    private func bars(_ values: [(String, Double)], top: Double, width: Double) -> [String] {
        guard let low = values.map(\.1).min(), let high = values.map(\.1).max() else { return [] }
        let from = low - max(0.15 * (high - low), 0.002)
        let scale = (width - 260) / max(high - from, 1e-6)
        return values.enumerated().map { index, value in
            let y = top + 24 * Double(index)
            let color = Self.colors.first { $0.0 == value.0 }?.1 ?? "#9fb8c4"
            return text(10, y + 14, value.0)
                + "<rect x=\"180\" y=\"\(y + 3)\" height=\"15\" width=\"\(fixed(scale * (value.1 - from), 1))\" fill=\"\(color)\"/>"
                + text(186 + scale * (value.1 - from), y + 14, fixed(value.1, 4))
        }
    }

    private func text(_ x: Double, _ y: Double, _ content: String) -> String {
        let safe = content.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        return "<text x=\"\(fixed(x, 1))\" y=\"\(fixed(y, 1))\">\(safe)</text>"
    }

    private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ color: String)
        -> String
    {
        "<line x1=\"\(fixed(x1, 1))\" y1=\"\(y1)\" x2=\"\(fixed(x2, 1))\" y2=\"\(y2)\" stroke=\"\(color)\" stroke-width=\"2\"/>"
    }
}
