import ControlPlane
import Events
import Foundation
import Records

/// Why a request over HTTP is not done: a status and a sentence.
struct APIProblem: Error, Equatable {
    let status: Int
    let sentence: String

    init(_ status: Int, _ sentence: String) {
        self.status = status
        self.sentence = sentence
    }

    /// The request itself is wrong, in this field.
    static func field(_ name: String, _ sentence: String) -> APIProblem {
        APIProblem(400, "\(name): \(sentence)")
    }
}

/// The fields of a request's body, read strictly: each once, by its name and its type, and none beside.
struct BodyFields {
    private var members: [String: JSONValue] = [:]
    private var known: [String] = []

    /// The text of one field may have so many bytes.
    static let textBytesMax = 1024
    static let listMax = 64

    /// - Throws: `APIProblem` for a body that is no JSON object; one that is empty has no fields.
    init(_ call: Call) throws(APIProblem) {
        guard !call.body.isEmpty else { return }
        let type = (call.contentType ?? "").prefix { $0 != ";" }.lowercased()
        guard type.trimmingCharacters(in: .whitespaces) == "application/json" else {
            throw APIProblem(415, "the body must have Content-Type: application/json")
        }
        members = try Self.members(call.body, "the body")
    }

    /// - Throws: `APIProblem` for a line that is no JSON object.
    init(line: [UInt8]) throws(APIProblem) { members = try Self.members(line, "the line") }

    private static func members(
        _ document: [UInt8], _ what: String
    ) throws(APIProblem) -> [String: JSONValue] {
        let value: JSONValue
        do { value = try JSONParser().value(document) } catch {
            throw APIProblem(400, "\(what) is no JSON: \(error)")
        }
        guard case .object(let object) = value else {
            throw APIProblem(400, "\(what) must be a JSON object")
        }
        return Dictionary(object.map { ($0.key, $0.value) }) { first, _ in first }
    }

    private mutating func take(_ name: String) -> JSONValue? {
        known.append(name)
        guard let value = members.removeValue(forKey: name), value != .null else { return nil }
        return value
    }

    /// - Throws: `APIProblem` where it is missing, no text, empty or too long.
    mutating func text(_ name: String) throws(APIProblem) -> String {
        guard let text = try optionalText(name) else { throw .field(name, "it is missing") }
        return text
    }

    /// A shopper's id.
    mutating func shopper(_ name: String) throws(APIProblem) -> String {
        let text = try text(name)
        guard EventLimits.isID(text) else {
            throw .field(name, "no event can carry it as a shopper's id")
        }
        return text
    }

    mutating func optionalText(_ name: String) throws(APIProblem) -> String? {
        guard let value = take(name) else { return nil }
        return try Self.text(value, name)
    }

    mutating func texts(_ name: String) throws(APIProblem) -> [String] {
        guard let value = take(name) else { return [] }
        guard case .array(let values) = value else { throw .field(name, "it must be a list") }
        guard values.count <= Self.listMax else {
            throw .field(name, "it must have \(Self.listMax) entries at most")
        }
        var texts: [String] = []
        for value in values { texts.append(try Self.text(value, name)) }
        return texts
    }

    mutating func flag(_ name: String) throws(APIProblem) -> Bool {
        guard let value = take(name) else { return false }
        guard case .bool(let flag) = value else {
            throw .field(name, "it must be true or false")
        }
        return flag
    }

    /// A time in milliseconds since 1970; `nil` where it is left out.
    mutating func time(_ name: String) throws(APIProblem) -> Int64? {
        guard let text = try optionalText(name) else { return nil }
        guard let ms = Timestamp.milliseconds(text) else {
            throw .field(name, "it must be a time like 2026-11-23T12:00:00Z")
        }
        return ms
    }

    mutating func optionalNumber(_ name: String) throws(APIProblem) -> Double? {
        guard let value = take(name) else { return nil }
        switch value {
        case .integer(let number): return Double(number)
        case .number(let number): return number
        default: throw .field(name, "it must be a number")
        }
    }

    /// A whole number above 0.
    mutating func optionalCount(_ name: String) throws(APIProblem) -> Int? {
        guard let value = take(name) else { return nil }
        guard case .integer(let number) = value, number >= 1, let count = Int(exactly: number)
        else { throw .field(name, "it must be a whole number above 0") }
        return count
    }

    /// A flat map of texts and numbers, within the bounds of an event's.
    mutating func circumstances(
        _ name: String
    ) throws(APIProblem) -> [Question.Circumstance] {
        guard let value = take(name) else { return [] }
        guard case .object(let members) = value else {
            throw .field(name, "it must be an object of texts and numbers")
        }
        guard members.count <= EventLimits.contextFieldsMax else {
            throw .field(name, "it must have \(EventLimits.contextFieldsMax) entries at most")
        }
        var found: [Question.Circumstance] = []
        for member in members {
            let place = "\(name).\(shortened(member.key))"
            guard (1...EventLimits.attributeKeyBytesMax).contains(member.key.utf8.count) else {
                throw .field(
                    place, "a name has 1 to \(EventLimits.attributeKeyBytesMax) bytes")
            }
            switch member.value {
            case .text(let text) where text.utf8.count <= EventLimits.attributeTextBytesMax:
                found.append(.init(key: member.key, value: .text(text)))
            case .integer(let number):
                found.append(.init(key: member.key, value: .number(Double(number))))
            case .number(let number): found.append(.init(key: member.key, value: .number(number)))
            default:
                throw .field(
                    place,
                    "it must be a number, or a text of \(EventLimits.attributeTextBytesMax) bytes at most"
                )
            }
        }
        return found
    }

    /// - Throws: `APIProblem` for what was not asked for.
    func finish() throws(APIProblem) {
        guard let name = members.keys.sorted().first else { return }
        let fields = known.isEmpty ? "none" : known.joined(separator: ", ")
        throw .field(shortened(name), "there is no such field here; there are: \(fields)")
    }

    private static func text(_ value: JSONValue, _ name: String) throws(APIProblem) -> String {
        guard case .text(let text) = value else { throw .field(name, "it must be a text") }
        guard (1...textBytesMax).contains(text.utf8.count) else {
            throw .field(name, "it must have 1 to \(textBytesMax) bytes")
        }
        return text
    }
}
