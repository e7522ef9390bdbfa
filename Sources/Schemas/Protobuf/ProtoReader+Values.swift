/// Source: Protocol Buffers, Encoding; "ProtoJSON Format" for how values are written, but that 64-bit
/// numbers are numbers.
extension ProtoReader {
    func scalar(_ type: ProtoScalar, _ place: Range<Int>, _ out: inout JSONOutput)
        throws(PayloadFault)
    {
        var cursor = ByteCursor(whole, place)
        switch type {
        case .double: Self.number(Double(bitPattern: try cursor.little64()), &out)
        case .float:
            let number = Float(bitPattern: try cursor.little32())
            if number.isFinite { out.number(number) } else { Self.number(Double(number), &out) }
        case .int64: out.number(Int64(bitPattern: try cursor.varint()))
        case .uint64: out.number(try cursor.varint())
        case .int32: out.number(Int64(Int32(truncatingIfNeeded: try cursor.varint())))
        case .uint32: out.number(UInt64(UInt32(truncatingIfNeeded: try cursor.varint())))
        case .sint32: out.number(Int64(Int32(truncatingIfNeeded: try cursor.zigzag())))
        case .sint64: out.number(try cursor.zigzag())
        case .fixed32: out.number(UInt64(try cursor.little32()))
        case .fixed64: out.number(try cursor.little64())
        case .sfixed32: out.number(Int64(Int32(bitPattern: try cursor.little32())))
        case .sfixed64: out.number(Int64(bitPattern: try cursor.little64()))
        case .bool: out.append(try cursor.varint() != 0 ? "true" : "false")
        case .string:
            guard unsafe out.string(whole.slice(place)) else {
                throw PayloadFault(place.lowerBound, .notUTF8)
            }
        case .bytes: unsafe out.base64(whole.slice(place))
        }
    }

    /// What is meant where nothing was written.
    func preset(_ type: ProtoScalar, _ out: inout JSONOutput) {
        switch type {
        case .bool: out.append("false")
        case .string, .bytes: out.append("\"\"")
        default: out.put(0x30)
        }
    }

    private static func number(_ number: Double, _ out: inout JSONOutput) {
        if number.isFinite {
            out.number(number)
        } else {
            out.append(number.isNaN ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"")
        }
    }
}
