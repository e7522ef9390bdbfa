import Events

extension NodeWriter {
    /// Writes the members that have values.
    ///
    /// - Parameter decoder: takes fields that are what lies at a path where they lie; without it they are written
    ///   as well.
    func write(
        _ object: ObjectRule, _ scope: Scope, rate: Double, placing decoder: EventDecoder? = nil
    ) throws(MappingFault) {
        for index in object.members.indices {
            // Most fields are what lies at a path, as it is.
            if let decoder, let direct = object.direct[index],
                decoder.take(direct, scope, rate: rate)
            {
                continue
            }
            try write(object.members[index], scope, rate: rate)
        }
    }

    private func write(
        _ member: MemberRule, _ scope: Scope, rate: Double
    ) throws(MappingFault) {
        switch member.content {
        case .object(let inner):
            beginObject(as: member.key)
            try write(inner, scope, rate: rate)
            endObject()
        case .value(let kind, let source, let isRequired):
            do throws(MappingFault) {
                if let value = try source.value(scope) {
                    try write(value, kind, member.key, rate: rate)
                } else if isRequired {
                    throw MappingFault(message: "is missing", code: "missing_field")
                }
            } catch {
                throw MappingFault(
                    field: member.name,
                    message: "\(member.name): \(error.message) (from \(source.described))",
                    code: error.code)
            }
        }
    }

    private func write(
        _ value: MappedValue, _ kind: MemberRule.Kind, _ key: Key, rate: Double
    ) throws(MappingFault) {
        switch kind {
        case .text: try text(value, key)
        case .number: try number(value, key)
        case .amount:
            if rate == 1 { return try number(value, key) }
            try finite(try value.number() * rate, key)
        case .time: try time(value, key)
        case .flag: add(try value.flag(), as: key)
        case .attribute:
            switch value {
            case .integer, .number: try number(value, key)
            default: try text(value, key)
            }
        }
    }

    private func text(_ value: MappedValue, _ key: Key) throws(MappingFault) {
        if case .node(let node) = value, node.shape == .text {
            add(textOf: node, as: key)
        } else {
            add(try value.text(), as: key)
        }
    }

    private func number(_ value: MappedValue, _ key: Key) throws(MappingFault) {
        if case .integer(let number) = value { return add(number, as: key) }
        try finite(try value.number(), key)
    }

    private func finite(_ number: Double, _ key: Key) throws(MappingFault) {
        guard number.isFinite else { throw .invalid("is too large a number") }
        add(number, as: key)
    }

    /// A number, digits, or a text that the decoder reads as RFC 3339.
    private func time(_ value: MappedValue, _ key: Key) throws(MappingFault) {
        switch value {
        case .integer(let number): add(number, as: key)
        case .number(let number): try finite(number, key)
        case .flag(let flag): throw .invalid("must be a time, not \(flag)")
        case .node, .text:
            if let digits = Int64(try value.text()) { return add(digits, as: key) }
            try text(value, key)
        }
    }
}

extension JSONNode {
    /// Whether a text has a dash behind four bytes, and is no digits therefore.
    fileprivate var isWrittenDate: Bool {
        unsafe bytes.count > 4 && bytes[4] == UInt8(ascii: "-")
    }
}

extension EventDecoder {
    /// - Returns: `false` where the value is not what the field holds, or is missed.
    fileprivate func take(_ member: DirectMember, _ scope: Scope, rate: Double) -> Bool {
        guard let node = member.path.node(in: scope) else { return !member.isRequired }
        switch (member.kind, node.shape) {
        case (.text, .text) where node.length > 0: break
        case (.time, .text) where node.isWrittenDate: break
        case (.time, .integer), (.number, .integer), (.number, .number): break
        case (.amount, .integer), (.amount, .number): if rate != 1 { return false }
        case (.flag, .yes), (.flag, .no): break
        default: return false
        }
        place(node, as: member.field)
        return true
    }
}
