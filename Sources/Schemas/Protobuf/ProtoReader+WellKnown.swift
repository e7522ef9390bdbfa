/// Source: Protocol Buffers, "ProtoJSON Format".
extension ProtoReader {
    /// Writes a message that JSON has a form of its own for; `false` where its values do not fit it.
    func wellKnown(
        _ kind: ProtoTable.WellKnown, _ message: ProtoTable.Message, _ found: Found, _ depth: Int,
        _ out: inout JSONOutput
    ) throws(PayloadFault) -> Bool {
        switch kind {
        case .timestamp:
            return out.instant(
                seconds: try integer(1, message, found), nanos: try integer(2, message, found))
        case .duration:
            return out.duration(
                seconds: try integer(1, message, found), nanos: try integer(2, message, found))
        case .decimal: return try decimal(message, found, &out)
        case .wrapper:
            guard let field = message.byNumber[1],
                case .scalar(let type) = message.fields[field].kind
            else { return false }
            guard let value = found.values.last else {
                preset(type, &out)
                return true
            }
            try scalar(type, value.place, &out)
            return true
        case .structure, .list:
            guard let field = message.byNumber[1] else { return false }
            try self.field(message.fields[field], found.all(field), depth, &out)
            return true
        case .value:
            guard let index = found.chosen.first?.value, message.fields[index].number > 1 else {
                out.append("null")
                return true
            }
            try field(message.fields[index], found.all(index), depth, &out)
            return true
        }
    }

    private func integer(_ number: Int, _ message: ProtoTable.Message, _ found: Found)
        throws(PayloadFault) -> Int64
    {
        guard let field = message.byNumber[number], let last = found.all(field).last,
            last.wireType == 0
        else { return 0 }
        var cursor = ByteCursor(whole, last.place)
        return Int64(bitPattern: try cursor.varint())
    }

    private func decimal(
        _ message: ProtoTable.Message, _ found: Found, _ out: inout JSONOutput
    ) throws(PayloadFault) -> Bool {
        let scale = try integer(3, message, found)
        guard (0...Int64(JSONOutput.decimalScaleMax)).contains(scale) else { return false }
        guard let field = message.byNumber[1], let value = found.all(field).last else {
            return unsafe out.decimal(
                UnsafeRawBufferPointer(start: nil, count: 0), scale: Int(scale))
        }
        return unsafe out.decimal(whole.slice(value.place), scale: Int(scale))
    }
}
