import Foundation
import Records
import Telemetry

/// A bar on standard error, drawn only where that is a terminal.
public struct ProgressBar {
    private let label: String
    private let sink = LineSink.standardError
    private let started = ContinuousClock.now
    private var drawn: ContinuousClock.Instant?
    private static let width = 28

    /// - Parameter label: what to say before the bar.
    public init(_ label: String) {
        self.label = label
    }

    /// - Parameters:
    ///   - fraction: share that is done; `nil` where the whole is not known.
    ///   - note: what to say behind the bar.
    public mutating func update(fraction: Double?, note: String) {
        guard sink.isTerminal else { return }
        let now = ContinuousClock.now
        if let drawn, now - drawn < .milliseconds(100) { return }
        drawn = now
        draw(fraction: fraction, note: note)
    }

    /// Draws the bar full and ends its line.
    public mutating func finish(note: String) {
        guard sink.isTerminal else { return }
        draw(fraction: 1, note: note)
        sink.endBar()
    }

    private func draw(fraction: Double?, note: String) {
        let elapsed = Int((ContinuousClock.now - started).components.seconds)
        var line = "\(label) "
        if let fraction, fraction.isFinite {
            let share = min(max(fraction, 0), 1)
            let full = Int(share * Double(Self.width))
            line += "[" + String(repeating: "█", count: full)
            line += String(repeating: "·", count: Self.width - full) + "] "
            line += "\(Int(share * 100))% "
            if share > 0.02, share < 1 {
                line += "· \(Int(saturating: Double(elapsed) * (1 - share) / share)) s left "
            }
        }
        sink.draw(bar: line + note)
    }
}
