import Events

/// Proposes a mapping from a sample: which paths look like which fields, by their names and what they
/// hold. A proposal is to be read by a person, and says what was guessed.
package struct MappingInference {
    /// What is known of one path, from the body or from an array's element on.
    struct PathFacts {
        var count = 0
        var texts: [String: Int] = [:]
        var numbers = 0
        var largest = 0.0
        var example = ""
        /// Whether a text of it was no RFC 3339 time.
        var isZoned = true

        /// Different texts that are counted.
        static let textsMax = 64
    }

    private(set) var paths: [String: PathFacts] = [:]
    /// Arrays of objects, and the paths inside their elements.
    private(set) var arrays: [String: [String: PathFacts]] = [:]
    private(set) var documents: [JSONValue] = []
    private var unreadable = 0
    private let parser = JSONParser()

    private static let documentsMax = 1_000
    private static let depthMax = 8

    package init() {}

    /// Whether more of the sample would be looked at.
    package var wantsMore: Bool { documents.count < Self.documentsMax }

    /// Looks at the document, or the documents, of a record.
    package mutating func look(at bytes: [UInt8]) {
        guard let value = try? parser.value(bytes) else {
            unreadable += 1
            return
        }
        if case .array(let elements) = value {
            for element in elements where wantsMore { look(at: element) }
        } else {
            look(at: value)
        }
    }

    private mutating func look(at value: JSONValue) {
        guard case .object = value else {
            unreadable += 1
            return
        }
        documents.append(value)
        var found: [String: PathFacts] = paths
        Self.note(value, "", into: &found, depth: 0) { path, elements in
            for element in elements {
                Self.note(element, "", into: &arrays[path, default: [:]], depth: 0) { _, _ in }
            }
        }
        paths = found
    }

    private static func note(
        _ value: JSONValue, _ path: String, into facts: inout [String: PathFacts], depth: Int,
        onArray: (String, [JSONValue]) -> Void
    ) {
        switch value {
        case .null: return
        case .object(let members):
            guard depth < depthMax else { return }
            for member in members where facts.count < 4_096 {
                let isPlain = !member.key.contains { ".[]@$\"".contains($0) }
                guard isPlain, !member.key.isEmpty else { continue }
                let name = path.isEmpty ? member.key : path + "." + member.key
                note(member.value, name, into: &facts, depth: depth + 1, onArray: onArray)
            }
        case .array(let elements):
            if case .object? = elements.first { onArray(path, elements) }
        case .text(let text):
            facts[path, default: PathFacts()].note(text: text)
        case .integer(let number):
            facts[path, default: PathFacts()].note(number: Double(number), "\(number)")
        case .number(let number):
            facts[path, default: PathFacts()].note(number: number, "\(number)")
        case .bool(let flag): facts[path, default: PathFacts()].note(text: "\(flag)")
        }
    }

    /// The mapping as YAML, guesses marked.
    ///
    /// - Throws: `EventError.malformed` where the sample holds no JSON object.
    package func proposal() throws(EventError) -> String {
        guard !documents.isEmpty else {
            throw .malformed("the sample holds no JSON object")
        }
        return InferredMapping(self).yaml(unreadable: unreadable)
    }
}

extension MappingInference.PathFacts {
    fileprivate mutating func note(text: String) {
        count += 1
        if example.isEmpty { example = shortened(text, to: 40) }
        if texts[text] != nil || texts.count < Self.textsMax { texts[text, default: 0] += 1 }
        if let number = NumberForm.plain.number(text) {
            numbers += 1
            largest = max(largest, abs(number))
        } else if case .some = try? TimeForm.iso(zone: 0).milliseconds(.text(text)),
            (try? TimeForm.iso(zone: nil).milliseconds(.text(text))) == nil
        {
            isZoned = false
        }
    }

    fileprivate mutating func note(number: Double, _ text: String) {
        count += 1
        numbers += 1
        largest = max(largest, abs(number))
        if example.isEmpty { example = text }
        if texts[text] != nil || texts.count < Self.textsMax { texts[text, default: 0] += 1 }
    }

    /// The unit of a time that is a number, by how large it is.
    var unit: String? {
        guard numbers == count, count > 0 else { return nil }
        switch largest {
        case 1e8..<1e11: return "s"
        case 1e11..<1e14: return "ms"
        case 1e14..<1e17: return "us"
        case 1e17...: return "ns"
        default: return nil
        }
    }
}
