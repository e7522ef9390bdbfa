/// A JSON document as a tree: a schema's text, or what a registry answers.
///
/// Numbers stay text, so that none is rounded. Not for records: it is made for clarity.
package indirect enum SchemaJSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(String)
    case text(String)
    case array([SchemaJSON])
    /// In the document's order; of a key that is there twice, both.
    case object([Member])

    package struct Member: Sendable, Hashable {
        package let key: String
        package let value: SchemaJSON
    }

    /// Nested arrays and objects, at most.
    package static let depthMax = 128
    /// Bytes of a document, at most.
    package static let bytesMax = 4 << 20

    /// Source: RFC 8259.
    ///
    /// - Throws: `SchemaError` with the byte where it is no JSON; also beyond the bounds.
    package init(_ text: [UInt8]) throws(SchemaError) {
        guard text.count <= Self.bytesMax else {
            throw SchemaError("", "it has \(text.count) bytes, more than \(Self.bytesMax)")
        }
        var parser = Parser(text: text)
        self = try parser.value(depth: 0)
        parser.skipBlanks()
        guard parser.at == text.count else { throw parser.error("there is more after its end") }
    }

    package init(_ text: String) throws(SchemaError) { try self.init(Array(text.utf8)) }

    /// The first member of that name; `nil` where there is none, or this is no object.
    package subscript(_ key: String) -> SchemaJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    package var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    package var array: [SchemaJSON]? {
        if case .array(let items) = self { items } else { nil }
    }

    package var integer: Int? {
        if case .number(let digits) = self { Int(digits) } else { nil }
    }
}

extension SchemaJSON {
    fileprivate struct Parser {
        let text: [UInt8]
        var at = 0

        func error(_ reason: String) -> SchemaError { SchemaError("byte \(at)", reason) }

        mutating func skipBlanks() {
            while at < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[at]) { at += 1 }
        }

        private var next: UInt8? { at < text.count ? text[at] : nil }

        mutating func take(_ byte: UInt8) -> Bool {
            skipBlanks()
            guard next == byte else { return false }
            at += 1
            return true
        }

        mutating func value(depth: Int) throws(SchemaError) -> SchemaJSON {
            guard depth < SchemaJSON.depthMax else { throw error("it is nested too deep") }
            skipBlanks()
            switch next {
            case UInt8(ascii: "{"): return try object(depth: depth)
            case UInt8(ascii: "["): return try array(depth: depth)
            case UInt8(ascii: "\""): return .text(try string())
            case UInt8(ascii: "n"): return try word("null", .null)
            case UInt8(ascii: "t"): return try word("true", .bool(true))
            case UInt8(ascii: "f"): return try word("false", .bool(false))
            case nil: throw error("it ends too early")
            default: return try number()
            }
        }

        private mutating func word(_ word: String, _ value: SchemaJSON) throws(SchemaError)
            -> SchemaJSON
        {
            guard text[at...].starts(with: word.utf8) else { throw error("it is no JSON") }
            at += word.utf8.count
            return value
        }

        private mutating func object(depth: Int) throws(SchemaError) -> SchemaJSON {
            at += 1
            var members: [Member] = []
            if take(UInt8(ascii: "}")) { return .object([]) }
            repeat {
                skipBlanks()
                guard next == UInt8(ascii: "\"") else { throw error("a key is expected") }
                let key = try string()
                guard take(UInt8(ascii: ":")) else { throw error("a colon is expected") }
                members.append(Member(key: key, value: try value(depth: depth + 1)))
            } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "}")) else { throw error("an object is not closed") }
            return .object(members)
        }

        private mutating func array(depth: Int) throws(SchemaError) -> SchemaJSON {
            at += 1
            var items: [SchemaJSON] = []
            if take(UInt8(ascii: "]")) { return .array([]) }
            repeat { items.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "]")) else { throw error("an array is not closed") }
            return .array(items)
        }

        private mutating func number() throws(SchemaError) -> SchemaJSON {
            let start = at
            let signs = Array("+-.eE".utf8)
            while let byte = next, (0x30...0x39).contains(byte) || signs.contains(byte) { at += 1 }
            let digits = String(decoding: text[start..<at], as: UTF8.self)
            guard let first = digits.utf8.first, first == 0x2d || (0x30...0x39).contains(first),
                Double(digits) != nil, (0x30...0x39).contains(text[at - 1])
            else { throw error("it is no JSON") }
            return .number(digits)
        }

        private mutating func string() throws(SchemaError) -> String {
            at += 1
            var bytes: [UInt8] = []
            while let byte = next {
                at += 1
                switch byte {
                case UInt8(ascii: "\""):
                    guard let string = String(validating: bytes, as: UTF8.self) else {
                        throw error("a text is not UTF-8")
                    }
                    return string
                case UInt8(ascii: "\\"): try escape(into: &bytes)
                case 0..<0x20: throw error("a text has a control character")
                default: bytes.append(byte)
                }
            }
            throw error("a text is not closed")
        }

        private mutating func escape(into bytes: inout [UInt8]) throws(SchemaError) {
            guard let byte = next else { throw error("a text is not closed") }
            at += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "f"): bytes.append(0x0c)
            case UInt8(ascii: "n"): bytes.append(0x0a)
            case UInt8(ascii: "r"): bytes.append(0x0d)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "u"):
                var code = try hexadecimal()
                if (0xd800..<0xdc00).contains(code), text[at...].starts(with: "\\u".utf8) {
                    at += 2
                    let low = try hexadecimal()
                    guard (0xdc00..<0xe000).contains(low) else { throw error("half a character") }
                    code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
                }
                guard let scalar = Unicode.Scalar(code) else { throw error("half a character") }
                bytes.append(contentsOf: Character(scalar).utf8)
            default: throw error("an unknown escape")
            }
        }

        private mutating func hexadecimal() throws(SchemaError) -> UInt32 {
            guard at + 4 <= text.count,
                let code = UInt32(String(decoding: text[at..<at + 4], as: UTF8.self), radix: 16)
            else { throw error("an unknown escape") }
            at += 4
            return code
        }
    }
}
