/// Appends compact JSON: the same calls give the same bytes.
package struct JSONWriter {
    /// The document so far, UTF-8.
    package private(set) var bytes: [UInt8] = []
    /// Whether a comma is due before the next member or element.
    private var needsComma = false

    /// An empty document.
    package init() {}

    /// Opens an object: a member where a key is given, else an element or the document.
    package mutating func beginObject(_ key: StaticString? = nil) { open(0x7b, key) }
    /// Closes the object that was opened last.
    package mutating func endObject() { close(0x7d) }
    /// Opens an array: a member where a key is given, else an element or the document.
    package mutating func beginArray(_ key: StaticString? = nil) { open(0x5b, key) }
    /// Closes the array that was opened last.
    package mutating func endArray() { close(0x5d) }

    /// A member whose value is a text.
    package mutating func field(_ key: StaticString, _ text: String) {
        name(key)
        string(text.utf8)
    }

    /// A member whose value is a number; traps where it is not finite.
    package mutating func field(_ key: StaticString, _ number: Double) {
        name(key)
        append(number)
    }

    /// A member whose value is a whole number.
    package mutating func field(_ key: StaticString, _ number: Int64) {
        name(key)
        bytes.append(contentsOf: String(number).utf8)
    }

    /// A member whose value is true or false.
    package mutating func field(_ key: StaticString, _ flag: Bool) {
        name(key)
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    /// - Parameter text: valid UTF-8.
    package mutating func field(_ key: StaticString, utf8 text: [UInt8]) {
        name(key)
        string(text)
    }

    /// A member whose value is null.
    package mutating func null(_ key: StaticString) {
        name(key)
        bytes.append(contentsOf: "null".utf8)
    }

    /// A member whose key is not known beforehand.
    package mutating func field(key: String, _ value: Event.Attribute.Value) {
        self.key(key)
        switch value {
        case .text(let text): string(text.utf8)
        case .number(let number): append(number)
        }
    }

    /// A member's key that is not known beforehand. Its value follows.
    package mutating func key(_ key: String) {
        comma()
        string(key.utf8)
        bytes.append(0x3a)
    }

    /// The value of the key before, which is an object: its members follow.
    package mutating func beginValue() {
        bytes.append(0x7b)
        needsComma = false
    }

    /// The value of the key before.
    package mutating func value(_ number: Double) { append(number) }

    /// The value of the key before.
    package mutating func value(_ number: Int64) {
        bytes.append(contentsOf: String(number).utf8)
    }

    /// The value of the key before.
    package mutating func value(_ flag: Bool) {
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    /// The value of the key before.
    ///
    /// - Parameter text: valid UTF-8.
    package mutating func value(utf8 text: UnsafeBufferPointer<UInt8>) {
        guard unsafe text.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5c }) else {
            unsafe string(text)
            return
        }
        bytes.append(0x22)
        unsafe bytes.append(contentsOf: text)
        bytes.append(0x22)
    }

    private mutating func open(_ bracket: UInt8, _ key: StaticString?) {
        if let key { name(key) } else { comma() }
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func comma() {
        if needsComma { bytes.append(0x2c) }
        needsComma = true
    }

    private mutating func name(_ key: StaticString) {
        comma()
        bytes.append(0x22)
        key.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
        bytes.append(0x22)
        bytes.append(0x3a)
    }

    /// The shortest decimal that reads back as the same double; whole numbers without a point.
    private mutating func append(_ number: Double) {
        precondition(number.isFinite, "JSON has no \(number)")
        if let whole = Int64(exactly: number), abs(number) < 1e15,
            !(number == 0 && number.sign == .minus)
        {
            bytes.append(contentsOf: String(whole).utf8)
        } else {
            bytes.append(contentsOf: number.description.utf8)
        }
    }

    private mutating func string(_ text: some Sequence<UInt8>) {
        bytes.append(0x22)
        for byte in text {
            switch byte {
            case 0x22, 0x5c:
                bytes.append(0x5c)
                bytes.append(byte)
            case 0x0a: bytes.append(contentsOf: "\\n".utf8)
            case 0x0d: bytes.append(contentsOf: "\\r".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(hexDigit(byte >> 4))
                bytes.append(hexDigit(byte & 15))
            default: bytes.append(byte)
            }
        }
        bytes.append(0x22)
    }

    private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
