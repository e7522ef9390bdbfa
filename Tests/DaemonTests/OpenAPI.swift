import Foundation
import Yams

/// The description of the HTTP interface, and whether a value is as it says.
///
/// Knows what `schemas/openapi.yaml` uses of JSON Schema, and says so where there is more.
struct OpenAPI {
    private let root: [String: Any]

    init() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../schemas/openapi.yaml").standardizedFileURL
        let text = try String(contentsOf: file, encoding: .utf8)
        root = try Yams.load(yaml: text) as? [String: Any] ?? [:]
    }

    /// Every method of every path, as `GET /v1/status`.
    var operations: [String: [String: Any]] {
        var found: [String: [String: Any]] = [:]
        for (path, methods) in root["paths"] as? [String: [String: [String: Any]]] ?? [:] {
            for (method, operation) in methods {
                found["\(method.uppercased()) \(path)"] = operation
            }
        }
        return found
    }

    /// Who may ask: the names of the schemes, empty where everyone may; the default unless it says so.
    func security(of operation: [String: Any]) -> [Set<String>] {
        let said = operation["security"] ?? root["security"]
        return (said as? [[String: Any]] ?? []).map { Set($0.keys) }
    }

    /// What is wrong with an answer; empty where it is as the description says.
    func objections(to body: String, status: Int, of name: String) throws -> [String] {
        guard let operation = operations[name] else { return ["\(name) is not described"] }
        let responses = operation["responses"] as? [String: Any] ?? [:]
        guard let response = responses["\(status)"].map(resolved) as? [String: Any] else {
            return ["\(name) is not described to answer \(status)"]
        }
        let content = response["content"] as? [String: Any] ?? [:]
        guard let json = content["application/json"] as? [String: Any] else { return [] }
        let value = try JSONSerialization.jsonObject(
            with: Data(body.utf8), options: .fragmentsAllowed)
        return objections(to: value, schema: json["schema"] ?? [:], at: "\(name) \(status)")
    }

    private func resolved(_ node: Any) -> Any {
        guard let map = node as? [String: Any], let reference = map["$ref"] as? String else {
            return node
        }
        var found: Any = root
        for part in reference.split(separator: "/").dropFirst() {
            found = (found as? [String: Any])?[String(part)] ?? [String: Any]()
        }
        return resolved(found)
    }

    private static let known: Set<String> = [
        "type", "properties", "required", "additionalProperties", "items", "enum", "pattern",
        "description", "format", "minLength", "maxLength", "minimum", "maximum", "default",
    ]

    private func objections(to value: Any, schema: Any, at place: String) -> [String] {
        guard let schema = resolved(schema) as? [String: Any] else {
            return ["\(place): no schema"]
        }
        var found = schema.keys.filter { !Self.known.contains($0) }.map {
            "\(place): this test does not know '\($0)'"
        }
        let types = (schema["type"] as? [String]) ?? (schema["type"] as? String).map { [$0] }
        if let types, !types.contains(where: { Self.matches(value, $0) }) {
            return found + ["\(place): \(value) is not \(types)"]
        }
        if let allowed = schema["enum"] as? [String], let text = value as? String,
            !allowed.contains(text)
        {
            found.append("\(place): '\(text)' is none of \(allowed)")
        }
        if let pattern = schema["pattern"] as? String, let text = value as? String,
            text.range(of: pattern, options: .regularExpression) == nil
        {
            found.append("\(place): '\(text)' does not match \(pattern)")
        }
        if let values = value as? [Any], let items = schema["items"] {
            for (index, item) in values.enumerated() {
                found += objections(to: item, schema: items, at: "\(place)[\(index)]")
            }
        }
        guard let members = value as? [String: Any] else { return found }
        for name in schema["required"] as? [String] ?? [] where members[name] == nil {
            found.append("\(place): '\(name)' is missing")
        }
        let properties = schema["properties"] as? [String: Any] ?? [:]
        for (name, member) in members {
            if let property = properties[name] {
                found += objections(to: member, schema: property, at: "\(place).\(name)")
            } else if schema["additionalProperties"] as? Bool == false {
                found.append("\(place): '\(name)' is not described")
            } else if let other = schema["additionalProperties"] as? [String: Any] {
                found += objections(to: member, schema: other, at: "\(place).\(name)")
            }
        }
        return found
    }

    private static func matches(_ value: Any, _ type: String) -> Bool {
        switch type {
        case "null": value is NSNull
        case "boolean": isTruth(value)
        case "number": value is NSNumber && !isTruth(value)
        case "integer":
            (value as? NSNumber).map {
                !isTruth(value) && $0.doubleValue.rounded() == $0.doubleValue
            } ?? false
        case "string": value is String
        case "array": value is [Any]
        case "object": value is [String: Any]
        default: false
        }
    }

    /// Foundation tells a truth value from a number by its type alone.
    private static func isTruth(_ value: Any) -> Bool {
        type(of: value) == Bool.self || "\(type(of: value))".contains("Bool")
            || (value as? NSNumber).map { unsafe String(cString: $0.objCType) == "c" } ?? false
    }
}
