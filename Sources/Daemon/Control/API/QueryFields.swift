import ControlPlane
import Events
import Records

/// The parameters of a query, read strictly: each once, by its name and its form, and none beside.
struct QueryFields {
    private var values: [String: String] = [:]
    private var known: [String] = []

    /// - Throws: `APIProblem` for a query that is malformed, and for a parameter that is there twice.
    init(_ call: Call) throws(APIProblem) {
        guard let query = call.query else { throw APIProblem(400, "the query is malformed") }
        for pair in query {
            guard values.updateValue(pair.value, forKey: pair.name) == nil else {
                throw .field(shortened(pair.name), "it is there twice")
            }
        }
    }

    private mutating func take(_ name: String) -> String? {
        known.append(name)
        return values.removeValue(forKey: name)
    }

    /// - Throws: `APIProblem` for what is no whole number in the range.
    mutating func number(
        _ name: String, _ range: ClosedRange<Int>, default usual: Int
    ) throws(APIProblem) -> Int {
        guard let text = take(name) else { return usual }
        guard let number = Int(text), range ~= number else {
            throw .field(
                name, "it must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A time in milliseconds since 1970; `nil` where it is left out.
    ///
    /// - Throws: `APIProblem` for what is no time.
    mutating func time(_ name: String) throws(APIProblem) -> Int64? {
        guard let text = take(name) else { return nil }
        guard let ms = Timestamp.milliseconds(text) else {
            throw .field(name, "it must be a time like 2026-11-23T12:00:00Z")
        }
        return ms
    }

    /// - Throws: `APIProblem` for what was not asked for.
    func finish() throws(APIProblem) {
        guard let name = values.keys.sorted().first else { return }
        throw .field(
            shortened(name),
            known.isEmpty
                ? "no parameters are taken here"
                : "there is no such parameter here; there are: \(known.joined(separator: ", "))")
    }
}

extension Call {
    /// - Throws: `APIProblem` for a query where none is taken.
    func requireNoQuery() throws(APIProblem) { try QueryFields(self).finish() }
}
