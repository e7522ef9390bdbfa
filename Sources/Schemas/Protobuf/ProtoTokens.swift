/// The words of a `.proto` file.
///
/// Source: Protocol Buffers language specification, "Lexical Elements".
struct ProtoTokens {
    enum Token: Hashable {
        /// A name, with dots; also a keyword.
        case word(String)
        case number(Int64)
        case text(String)
        case symbol(UInt8)
    }

    private let bytes: [UInt8]
    private var at = 0
    /// The one that `next` gives.
    private(set) var peeked: Token?

    init(_ text: String) throws(SchemaError) {
        bytes = Array(text.utf8)
        peeked = try read()
    }

    var line: Int { bytes[..<min(at, bytes.count)].count { $0 == 0x0a } + 1 }

    func error(_ reason: String) -> SchemaError { SchemaError("line \(line)", reason) }

    /// The next one; `nil` at the end.
    mutating func next() throws(SchemaError) -> Token? {
        let token = peeked
        peeked = try read()
        return token
    }

    /// Takes a symbol if it is the next one.
    mutating func take(_ symbol: Unicode.Scalar) throws(SchemaError) -> Bool {
        guard peeked == .symbol(UInt8(ascii: symbol)) else { return false }
        _ = try next()
        return true
    }

    mutating func take(word: String) throws(SchemaError) -> Bool {
        guard peeked == .word(word) else { return false }
        _ = try next()
        return true
    }

    mutating func expect(_ symbol: Unicode.Scalar) throws(SchemaError) {
        guard try take(symbol) else { throw error("\(symbol) is expected") }
    }

    mutating func word() throws(SchemaError) -> String {
        guard case .word(let word)? = peeked else { throw error("a name is expected") }
        _ = try next()
        return word
    }

    mutating func number() throws(SchemaError) -> Int64 {
        let isNegative = try take("-")
        guard case .number(let number)? = peeked else { throw error("a number is expected") }
        _ = try next()
        return isNegative ? -number : number
    }

    /// Passes over all up to a symbol, brackets with what is in them.
    mutating func skip(to end: Unicode.Scalar) throws(SchemaError) {
        var depth = 0
        while let token = try next() {
            guard case .symbol(let symbol) = token else { continue }
            if depth == 0, symbol == UInt8(ascii: end) { return }
            if Array("{[(<".utf8).contains(symbol) { depth += 1 }
            if Array("}])>".utf8).contains(symbol) { depth -= 1 }
        }
        throw error("\(end) is expected")
    }

    // MARK: Bytes

    private var current: UInt8? { at < bytes.count ? bytes[at] : nil }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x61...0x7a).contains(byte | 0x20) || byte == 0x5f
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private mutating func skipBlanks() {
        while let byte = current {
            if byte <= 0x20 {
                at += 1
            } else if bytes[at...].starts(with: "//".utf8) {
                at = bytes[at...].firstIndex(of: 0x0a) ?? bytes.count
            } else if bytes[at...].starts(with: "/*".utf8) {
                at += 2
                while at < bytes.count, !bytes[at...].starts(with: "*/".utf8) { at += 1 }
                at = min(at + 2, bytes.count)
            } else {
                return
            }
        }
    }

    private mutating func read() throws(SchemaError) -> Token? {
        skipBlanks()
        guard let first = current else { return nil }
        if Self.isLetter(first) || first == 0x2e { return .word(run { Self.isName($0) }) }
        if Self.isDigit(first) { return .number(digits()) }
        if first == 0x22 || first == 0x27 { return .text(try text(first)) }
        at += 1
        return .symbol(first)
    }

    private static func isName(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || byte == 0x2e
    }

    private mutating func run(_ belongs: (UInt8) -> Bool) -> String {
        let start = at
        while let byte = current, belongs(byte) { at += 1 }
        return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    private mutating func digits() -> Int64 {
        let text = run { Self.isName($0) }
        if text.lowercased().hasPrefix("0x"), let number = Int64(text.dropFirst(2), radix: 16) {
            return number
        }
        if text.hasPrefix("0"), let number = Int64(text, radix: 8) { return number }
        // Fractions stand in options only, where no number is looked at.
        return Int64(text) ?? 0
    }

    private mutating func text(_ quote: UInt8) throws(SchemaError) -> String {
        at += 1
        var content: [UInt8] = []
        while let byte = current, byte != quote {
            if byte == 0x5c { at += 1 }
            if let byte = current { content.append(byte) }
            at += 1
        }
        guard current == quote else { throw error("a text is not closed") }
        at += 1
        return String(decoding: content, as: UTF8.self)
    }
}
