import Engine
import EventLog
import Foundation

/// The files a replay writes beside its report.
final class ReplayOutputs {
    private var predictions: LogWriter?
    private var recommendations: LogWriter?

    init(predictions: String?, recommendations: String?) throws {
        if let predictions {
            self.predictions = try LogWriter(path: predictions, replaces: true, appearsWhole: true)
            try self.predictions?.writeLine(Array("event_id,head,probability,label".utf8))
        }
        if let recommendations {
            self.recommendations = try LogWriter(
                path: recommendations, replaces: true, appearsWhole: true)
        }
    }

    func write(_ output: StepOutput) throws {
        for row in output.predictions {
            let line = "\(csv(row.eventID)),\(row.head),\(row.probability),\(row.label ? 1 : 0)"
            try predictions?.writeLine(Array(line.utf8))
        }
        for recommendation in output.recommendations where recommendations != nil {
            try recommendations?.writeLine(try recommendation.json())
        }
    }

    /// Has everything on the disk.
    func close() throws {
        if let writer = predictions.take() { try writer.close() }
        if let writer = recommendations.take() { try writer.close() }
    }

    /// Quoted where the field needs it (RFC 4180).
    private func csv(_ text: String) -> String {
        guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
