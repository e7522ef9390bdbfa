import Daemon
import Foundation

/// Memory and file of a soak over its events, as SVG.
struct SoakPicture {
    private let samples: [SoakSample]
    private static let (width, height) = (760.0, 300.0)
    private static let (left, right, top, bottom) = (70.0, 20.0, 30.0, 40.0)

    init(_ report: SoakReport) {
        samples = report.samples
    }

    func svg() -> String {
        let lines: [(name: String, color: String, value: (SoakSample) -> Double)] = [
            ("memory", "#0b6e99", { Double($0.residentBytes) }),
            ("file", "#c0392b", { Double($0.fileBytes) }),
            ("of it in use", "#8e6bbf", { Double($0.liveBytes) }),
        ]
        let most = samples.flatMap { sample in lines.map { $0.value(sample) } }.max() ?? 1
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(Self.width)" height="\(Self.height)" \
            font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>
            """
        ]
        for step in 0...4 {
            let share = Double(step) / 4
            let y = Self.y(share)
            parts.append(
                "<line x1=\"\(Self.left)\" y1=\"\(y)\" x2=\"\(Self.width - Self.right)\" y2=\"\(y)\" stroke=\"#dddddd\"/>"
                    + Self.text(4, y + 4, String(format: "%.0f MiB", share * most / 1_048_576)))
        }
        for (index, line) in lines.enumerated() {
            let points = samples.map { sample in
                String(format: "%.1f,%.1f", x(sample), Self.y(line.value(sample) / most))
            }
            parts.append(
                "<polyline fill=\"none\" stroke=\"\(line.color)\" stroke-width=\"1.5\" points=\"\(points.joined(separator: " "))\"/>"
            )
            parts.append(
                "<text x=\"\(Self.left + 130 * Double(index))\" y=\"18\" fill=\"\(line.color)\">\(line.name)</text>"
            )
        }
        parts.append(
            Self.text(
                Self.left, Self.height - 12, "events, of \(samples.last?.events ?? 0)"))
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    private func x(_ sample: SoakSample) -> Double {
        let share = Double(sample.events) / Double(max(1, samples.last?.events ?? 1))
        return Self.left + (Self.width - Self.left - Self.right) * share
    }

    private static func y(_ share: Double) -> Double {
        height - bottom - (height - top - bottom) * share
    }

    private static func text(_ x: Double, _ y: Double, _ text: String) -> String {
        "<text x=\"\(x)\" y=\"\(y)\">\(text)</text>"
    }
}
