import Foundation

/// Lines over one axis, as SVG.
package struct LineChart {
    /// One line.
    package struct Line {
        /// What it is called.
        package var name: String
        /// As SVG writes it: `#0b6e99`.
        package var color: String
        /// In the order of `x`.
        package var points: [(x: Double, y: Double)]

        /// Takes each field as it is.
        package init(_ name: String, _ color: String, _ points: [(x: Double, y: Double)]) {
            self.name = name
            self.color = color
            self.points = points
        }
    }

    /// What is drawn; the first line on top.
    package var lines: [Line]
    /// Written below the horizontal axis.
    package var label: String
    /// Written behind a value of the vertical axis.
    package var unit: String

    private static let (width, height) = (760.0, 300.0)
    private static let (left, right, top, bottom) = (70.0, 20.0, 34.0, 40.0)
    /// About so many steps up the vertical axis.
    private static let steps = 5.0

    /// Takes each field as it is.
    package init(lines: [Line], label: String, unit: String = "") {
        self.lines = lines
        self.label = label
        self.unit = unit
    }

    /// The picture, 760 by 300, on white; the vertical axis begins at 0, or below where a line does.
    package func svg() -> String {
        let values = lines.flatMap { $0.points.map(\.y) }.filter(\.isFinite)
        let (low, high) = (min(0, values.min() ?? 0), max(0, values.max() ?? 0))
        let step = Self.step(max(high - low, 1e-6))
        let from = (low / step).rounded(.down) * step
        let to = max((high / step).rounded(.up) * step, from + step)
        let last = max(lines.flatMap { $0.points.map(\.x) }.max() ?? 1, 1e-9)
        func x(_ value: Double) -> String {
            fixed(Self.left + (Self.width - Self.left - Self.right) * value / last, 1)
        }
        func y(_ value: Double) -> String {
            let room = Self.height - Self.top - Self.bottom
            return fixed(Self.height - Self.bottom - room * (value - from) / (to - from), 1)
        }
        let decimals = max(0, Int((-log10(step)).rounded(.up)))
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(Self.width)" height="\(Self.height)" \
            font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>
            """
        ]
        for number in 0...Int(((to - from) / step).rounded()) {
            let value = from + Double(number) * step
            let color = abs(value) < step / 2 ? "#888888" : "#dddddd"
            parts.append(
                "<line x1=\"\(Self.left)\" y1=\"\(y(value))\" x2=\"\(Self.width - Self.right)\" y2=\"\(y(value))\" stroke=\"\(color)\"/>"
            )
            parts.append(
                "<text x=\"\(Self.left - 6)\" y=\"\(y(value))\" dy=\"4\" text-anchor=\"end\">\(fixed(value, decimals))\(Self.escaped(unit))</text>"
            )
        }
        for line in lines.reversed() {
            let points = line.points.filter(\.y.isFinite).map { "\(x($0.x)),\(y($0.y))" }
            parts.append(
                "<polyline fill=\"none\" stroke=\"\(line.color)\" stroke-width=\"1.5\" points=\"\(points.joined(separator: " "))\"/>"
            )
        }
        let gap = (Self.width - Self.left - Self.right) / Double(max(1, lines.count))
        for (index, line) in lines.enumerated() {
            parts.append(
                "<text x=\"\(fixed(Self.left + gap * Double(index), 1))\" y=\"18\" fill=\"\(line.color)\">\(Self.escaped(line.name))</text>"
            )
        }
        parts.append(
            "<text x=\"\(Self.left)\" y=\"\(Self.height - 12)\">\(Self.escaped(label))</text>")
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    /// 1, 2 or 5 times a power of ten.
    private static func step(_ span: Double) -> Double {
        let raw = span / steps
        let power = pow(10, log10(raw).rounded(.down))
        return power * ([1, 2, 5].first { $0 * power >= raw } ?? 10)
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }
}
