import ControlPlane
import Records

extension Call {
    private static let keyBytesMax = 255

    /// Which request it is, where the client says that it is to be done once.
    ///
    /// Source: draft-ietf-httpapi-idempotency-key-header, a string of RFC 9651; without its quotes it is
    /// taken as well.
    /// - Throws: `APIProblem` for a header that holds no key.
    func requestKey() throws(APIProblem) -> RequestKey? {
        guard let idempotencyKey else { return nil }
        guard let text = Self.text(ofKey: idempotencyKey) else {
            throw .field(
                "Idempotency-Key",
                "it must have 1 to \(Self.keyBytesMax) visible ASCII characters, best in double quotes"
            )
        }
        let asked = path.joined(separator: "/") + "\n"
        return RequestKey(text, asking: SHA256.hash(Array(asked.utf8) + body))
    }

    /// - Returns: `nil` for a header that is neither a string nor a word.
    private static func text(ofKey header: String) -> String? {
        var bytes = Array(header.utf8)
        if bytes.first == UInt8(ascii: "\"") {
            guard bytes.count >= 2, let inside = unquoted(bytes.dropFirst()) else { return nil }
            bytes = inside
        } else if bytes.contains(where: { !(0x21...0x7e).contains($0) }) {
            return nil
        }
        guard (1...keyBytesMax).contains(bytes.count) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What stands before the closing quote, which must be the last character.
    private static func unquoted(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        var rest = bytes
        var inside: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return rest.isEmpty ? inside : nil
            case UInt8(ascii: "\\"):
                guard let next = rest.popFirst(), next == byte || next == UInt8(ascii: "\"") else {
                    return nil
                }
                inside.append(next)
            case 0x20...0x7e: inside.append(byte)
            default: return nil
            }
        }
        return nil
    }
}
