import Foundation
import Records
import Terminal

/// How the figures look, and how they are drawn on a terminal.
enum TopScreen {
    /// - Parameter rates: of events, examples and recommendations, a second; `nil` where they are not known.
    static func lines(
        _ figures: TopFigures, rates: [Double]?, place: String, nowMs: Int64
    ) -> [String] {
        var lines = [
            "tidemark \(figures.version)  \(place)  \(Timestamp.text(ms: nowMs / 1000 * 1000))"
        ]
        lines.append(figures.standing)
        lines += figures.paused.lines.filter { $0.contains(" is paused ") }
        if let error = figures.publishing_error { lines.append("not published: \(error)") }
        var totals = TextTable([("", .left), ("TOTAL", .right), ("A SECOND", .right)])
        let rows = [
            ("events", figures.events), ("examples", figures.examples),
            ("recommendations", figures.recommendations),
        ]
        for (index, row) in rows.enumerated() {
            totals.add(row.0, grouped(row.1), fixed(rates?[index], 1))
        }
        lines += [""] + table(totals)
        var now = "behind: \(figures.lag.map { grouped(Int($0)) } ?? "unknown")"
        now += "; waiting to be published: \(grouped(figures.waiting))"
        if let ms = figures.waiting_oldest_ms, figures.waiting > 0 {
            now += ", the oldest for \(seconds(ms))"
        }
        if let ms = figures.watermark_delay_ms { now += "; event time behind: \(seconds(ms))" }
        lines += ["", now]
        lines.append(
            "head \(figures.head), lineage \(figures.lineage.map(String.init) ?? "unknown"), state \(figures.state_sha256.prefix(12))"
        )
        if !figures.scores.isEmpty {
            var scores = TextTable([
                ("NEWEST WINDOW", .left), ("LOG-LOSS", .right), ("NE", .right),
            ])
            for score in figures.scores {
                scores.add(score.head, fixed(score.log_loss, 4), fixed(score.normalized_entropy, 3))
            }
            lines += [""] + table(scores)
        }
        return lines + [""] + places(figures)
    }

    private static func places(_ figures: TopFigures) -> [String] {
        var partitions = TextTable([("PARTITION", .left), ("NEXT", .right), ("BEHIND", .right)])
        for row in figures.partitions {
            partitions.add(
                row.name, String(row.next), row.lag.map { grouped(Int($0)) } ?? "unknown")
        }
        var lines = table(partitions)
        guard !figures.brokers.isEmpty else { return lines }
        var brokers = TextTable([("BROKER", .left), ("STATE", .left), ("FOR", .right)])
        for broker in figures.brokers {
            let state = broker.state + (broker.error.map { " (\($0))" } ?? "")
            brokers.add(broker.address, state, seconds(broker.state_ms))
        }
        lines += [""] + table(brokers)
        return lines
    }

    private static func table(_ table: TextTable) -> [String] {
        table.rendered().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    private static func seconds(_ ms: Int64) -> String {
        ms < 10_000 ? "\(fixed(Double(ms) / 1000, 1)) s" : "\(grouped(Int(ms / 1000))) s"
    }

    // MARK: Drawing

    /// Takes the whole screen; what was there before comes back at the end. Source: ECMA-48; xterm's private
    /// modes 25 and 1049.
    static let begin = "\u{1b}[?1049h\u{1b}[?25l"
    /// Gives it back.
    static let end = "\u{1b}[?25h\u{1b}[?1049l"

    /// The lines over what was drawn before, cut to the terminal's size.
    static func frame(_ lines: [String], columns: Int, rows: Int) -> String {
        var text = "\u{1b}[H"
        for line in lines.prefix(max(1, rows - 1)) {
            // Nothing that a broker or a producer has sent acts on the terminal.
            text += line.printable.prefix(columns) + "\u{1b}[K\r\n"
        }
        return text + "\u{1b}[J"
    }

    /// The terminal's size; a usual one where it does not tell.
    static func size() -> (columns: Int, rows: Int) {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0,
            size.ws_row > 0
        else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
