import EventLog
import Events

extension Question {
    /// - Throws: `APIProblem` for a field that is missing or wrong.
    init(_ fields: inout BodyFields) throws(APIProblem) {
        self.init(
            userID: try fields.text("user"), itemID: try fields.text("item"),
            price: try fields.optionalNumber("price"),
            context: try fields.circumstances("context"), isView: try fields.flag("view"))
    }
}

/// Questions of a file, a line each: the body of a `POST /v1/recommend`.
public final class QuestionFile {
    private let reader: LogReader
    /// A line that is none, found behind questions that were still to be answered.
    private var bad: BadLogLine?

    /// - Parameter path: a file, packed or not, or `-`.
    /// - Throws: where it cannot be read.
    public init(_ path: String) throws { reader = try LogReader(path: path) }

    /// The next questions, each with its line.
    ///
    /// - Returns: none at the end.
    /// - Throws: with file and line, for one that is none, once those before it were returned.
    public func next(_ countMax: Int) throws -> [(question: Question, place: String)] {
        if let bad { throw bad }
        var found: [(Question, String)] = []
        while found.count < countMax, let entry = try reader.next() {
            let place = "\(reader.path), line \(entry.line)"
            do throws(APIProblem) {
                found.append((try question(entry), place))
            } catch {
                let line = BadLogLine(place: place, reason: error.sentence)
                if found.isEmpty { throw line }
                bad = line
                break
            }
        }
        return found
    }

    private func question(_ entry: LogEntry) throws(APIProblem) -> Question {
        let (record, refusal) = entry.input(topic: reader.topic)
        if let refusal { throw APIProblem(400, refusal.reason) }
        var fields = try BodyFields(line: record.value ?? [])
        let question = try Question(&fields)
        try fields.finish()
        return question
    }
}
