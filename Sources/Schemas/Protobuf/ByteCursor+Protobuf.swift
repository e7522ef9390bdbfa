/// Source: Protocol Buffers, Encoding, "Message Structure".
extension ByteCursor {
    /// A field's number and wire type; `nil` at the end.
    @inline(__always)
    mutating func tag() throws(PayloadFault) -> (number: Int, wireType: Int)? {
        guard !isAtEnd else { return nil }
        let tag = try varint()
        guard (8...0xffff_ffff).contains(tag) else { throw fault(.tag(tag)) }
        return (Int(tag >> 3), Int(tag & 7))
    }

    /// The place of a value whose length stands before it.
    @inline(__always)
    mutating func lengthPrefixed() throws(PayloadFault) -> Range<Int> {
        try take(Int64(bitPattern: try varint()))
    }

    /// Passes over a value, a group with all that is in it.
    mutating func skip(_ number: Int, _ wireType: Int) throws(PayloadFault) {
        var open: [Int] = []
        var (number, wireType) = (number, wireType)
        while true {
            switch wireType {
            case 0: _ = try varint()
            case 1: _ = try take(8)
            case 2: _ = try lengthPrefixed()
            case 5: _ = try take(4)
            case 3:
                guard open.count < ProtoFile.depthMax else { throw fault(.tooDeep) }
                open.append(number)
            case 4 where open.last == number: open.removeLast()
            default: throw fault(.tag(UInt64(number << 3 | wireType)))
            }
            guard !open.isEmpty else { return }
            guard let next = try tag() else { throw fault(.cutShort) }
            (number, wireType) = (next.number, next.wireType)
        }
    }
}
