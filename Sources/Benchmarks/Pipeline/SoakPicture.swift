import Daemon
import Terminal

extension SoakReport {
    /// Memory and file over the events.
    var chart: LineChart {
        func line(
            _ name: String, _ color: String, _ bytes: (SoakSample) -> Int
        ) -> LineChart.Line {
            LineChart.Line(
                name, color,
                samples.map { (Double($0.events), Double(bytes($0)) / 1_048_576) })
        }
        return LineChart(
            lines: [
                line("memory", "#0b6e99", \.residentBytes),
                line("file", "#c0392b", \.fileBytes),
                line("of it in use", "#8e6bbf", \.liveBytes),
            ],
            label: "events, of \(grouped(samples.last?.events ?? 0))",
            unit: " MiB")
    }
}
