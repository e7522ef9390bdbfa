internal import CSimdJSON

/// One simdjson parser with its buffers.
///
/// Thread: one at a time; it is not `Sendable`.
@safe package final class JSONParser {
    /// Owned by this object alone, freed in `deinit`.
    private let handle: OpaquePointer

    /// - Parameter names: keys that nodes are marked with by index, for decoding without comparing.
    package init(names: [String] = []) {
        let terminated = names.flatMap { Array($0.utf8CString) }
        let made = unsafe tsj_create(terminated, terminated.count, EventLimits.depthMax)
        guard let made = unsafe made else { preconditionFailure("no memory for a JSON parser") }
        unsafe handle = made
    }

    deinit {
        unsafe tsj_destroy(handle)
    }

    /// The document's root. It and all it holds are valid until the next call.
    package func parse(_ text: UnsafeRawBufferPointer) throws(EventError) -> JSONNode {
        let document = unsafe tsj_parse(handle, text.baseAddress, text.count)
        guard unsafe Int(document.code) == TSJ_OK, let root = unsafe JSONNode(document.nodes) else {
            throw unsafe parseError(document, text)
        }
        return root
    }

    /// Whether the text is one document; parses it and makes nothing of it.
    package func accepts(_ text: [UInt8]) -> Bool {
        unsafe text.withUnsafeBytes { bytes in
            do throws(EventError) {
                _ = unsafe try parse(bytes)
                return true
            } catch {
                return false
            }
        }
    }

    /// The document as a tree, for callers that are in no hurry.
    package func value(_ text: [UInt8]) throws(EventError) -> JSONValue {
        let result = unsafe text.withUnsafeBytes { bytes -> Result<JSONValue, EventError> in
            do throws(EventError) {
                return .success(JSONValue(unsafe try parse(bytes)))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

/// A JSON document as a tree.
package enum JSONValue: Sendable, Hashable {
    /// The literal `null`.
    case null
    /// The literals `true` and `false`.
    case bool(Bool)
    /// A number without point and exponent that fits 64 bits.
    case integer(Int64)
    /// Any other number; finite.
    case number(Double)
    /// With its escapes resolved.
    case text(String)
    /// In document order.
    case array([JSONValue])
    /// In document order; no key is there twice.
    case object([Member])

    /// One key with its value.
    package struct Member: Sendable, Hashable {
        /// As it stands in the document, escapes resolved.
        package let key: String
        /// What stands behind the colon.
        package let value: JSONValue
    }

    /// The value of a key; `nil` where there is none, or this is no object. Complexity: O(n) in
    /// members.
    package subscript(_ key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
    }

    fileprivate init(_ node: JSONNode) {
        switch node.kind {
        case TSJ_FALSE: self = .bool(false)
        case TSJ_TRUE: self = .bool(true)
        case TSJ_INTEGER: self = .integer(node.integer)
        case TSJ_DOUBLE: self = .number(node.double)
        case TSJ_STRING: self = .text(node.string)
        case TSJ_ARRAY: self = .array(node.children.map { JSONValue($0) })
        case TSJ_OBJECT:
            self = .object(node.children.map { Member(key: $0.keyString, value: JSONValue($0)) })
        default: self = .null
        }
    }
}

/// What the C side reports, in words.
private func parseError(_ document: tsj_document, _ text: UnsafeRawBufferPointer) -> EventError {
    let start = unsafe UnsafeRawPointer(document.detail)
    let detail = unsafe String(
        decoding: UnsafeRawBufferPointer(
            start: start, count: start == nil ? 0 : document.detail_length), as: UTF8.self)
    let code = unsafe Int(document.code)
    if code == TSJ_MALFORMED || code == TSJ_BAD_NUMBER, let literal = unsafe nonFinite(text) {
        return .malformed("it holds \(literal), which JSON does not have")
    }
    return switch code {
    case TSJ_EMPTY: .malformed("it is empty")
    case TSJ_NOT_UTF8: .notUTF8
    case TSJ_TOO_DEEP: .malformed("it is nested deeper than \(EventLimits.depthMax) levels")
    case TSJ_BAD_NUMBER: .malformed("a number in it is malformed or does not fit 64 bits")
    case TSJ_BAD_ESCAPE: .malformed("a string in it has an escape that stands for no character")
    case TSJ_DUPLICATE_KEY: .duplicateKey(shortened(detail))
    case TSJ_TOO_LONG: .malformed("it is too long to be parsed")
    case TSJ_OUT_OF_MEMORY: .outOfMemory
    default: .malformed(plain(detail))
    }
}

/// simdjson's messages start with "The JSON document has"; ours say "the record is … document".
private func plain(_ detail: String) -> String {
    let prefix = "The JSON document has "
    if detail.hasPrefix(prefix) { return "it has " + detail.dropFirst(prefix.count) }
    return detail.isEmpty ? "it cannot be parsed" : detail
}

/// The first NaN or infinity that stands outside a string, as some producers write them.
private func nonFinite(_ text: UnsafeRawBufferPointer) -> String? {
    let literals = ["NaN", "nan", "-Infinity", "Infinity", "-inf", "inf"]
    var inString = false
    var index = 0
    while index < text.count {
        let byte = unsafe text[index]
        if inString, byte == UInt8(ascii: "\\") {
            index += 1
        } else if byte == UInt8(ascii: "\"") {
            inString.toggle()
        } else if !inString, [0x4e, 0x6e, 0x2d, 0x49, 0x69].contains(byte) {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: text[index...].prefix(9))
            if let found = literals.first(where: { unsafe rest.starts(with: $0.utf8) }) {
                return found
            }
        }
        index += 1
    }
    return nil
}

/// Text from outside as it may stand in a message: bounded, without control characters.
package func shortened(_ text: String, to count: Int = 60) -> String {
    let clean = String(
        String.UnicodeScalarView(
            text.unicodeScalars.prefix(count).map {
                $0.properties.generalCategory == .control ? "\u{fffd}" : $0
            }))
    return text.unicodeScalars.count > count ? clean + "…" : clean
}
