import Simulator
import Terminal

/// What ways of pricing earned over a run, less what no discount would have earned at the same visits: so the
/// season cancels.
struct MarginPicture {
    private struct Way {
        let name: String
        let color: String
        /// Of each window.
        let gains: [Double]
    }

    private let windows: [Int]
    private let ways: [Way]

    /// - Parameter offers: what the shoppers were offered, in the table's words.
    init(_ report: ScoreReport, offers: String) {
        windows = report.windows.map(\.visits)
        func gains(_ index: Int) -> [Double] {
            report.windows.map { window in
                func margin(_ index: Int) -> Double {
                    window.strategies[index].marginPerThousandVisits * Double(window.visits) / 1_000
                }
                // The scoreboard's order: what was offered, then no discount.
                return margin(index) - margin(1)
            }
        }
        let rows = report.total.strategies
        let best = rows.indices.filter { rows[$0].strategy.hasPrefix("fixed") }.max {
            rows[$0].marginPerThousandVisits < rows[$1].marginPerThousandVisits
        }
        ways =
            [Way(name: offers, color: "#0b6e99", gains: gains(0))]
            + (best.map {
                [
                    Way(
                        name: "\(rows[$0].strategy), the best in hindsight", color: "#c0392b",
                        gains: gains($0))
                ]
            } ?? [])
            + [Way(name: "oracle", color: "#888888", gains: gains(rows.count - 1))]
    }

    /// The sums over time, as SVG.
    var chart: LineChart {
        let lines = ways.map { way in
            var (visits, sum) = (0, 0.0)
            var points = [(x: 0.0, y: 0.0)]
            for (count, gain) in zip(windows, way.gains) {
                visits += count
                sum += gain
                points.append((Double(visits), sum))
            }
            return LineChart.Line(way.name, way.color, points)
        }
        return LineChart(
            lines: lines,
            label: "margin earned so far, less that without discounts; visits, of "
                + grouped(windows.reduce(0, +)))
    }

    /// The same by parts of the run, as a table; `nil` of a run too short for it.
    var table: String? {
        let parts = min(10, windows.count)
        guard parts > 1 else { return nil }
        let ranges = (0..<parts).map {
            $0 * windows.count / parts..<($0 + 1) * windows.count / parts
        }
        var ends = 0
        var table = TextTable(
            [("after visits", .left)]
                + ranges.map { range in
                    ends += windows[range].reduce(0, +)
                    return (grouped(ends), .right)
                })
        for way in ways {
            table.add(
                [way.name]
                    + ranges.map { range in
                        let visits = Double(max(1, windows[range].reduce(0, +)))
                        let gain = 1_000 * way.gains[range].reduce(0, +) / visits
                        return (gain > 0 ? "+" : "") + fixed(gain, 0)
                    })
        }
        return table.rendered()
    }
}
