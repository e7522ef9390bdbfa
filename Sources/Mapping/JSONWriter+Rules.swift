import Events

extension JSONWriter {
    /// Writes the members that have values.
    mutating func write(
        _ object: ObjectRule, _ scope: Scope, rate: Double
    ) throws(MappingFault) {
        for member in object.members {
            switch member.content {
            case .object(let inner):
                let before = mark
                key(member.key)
                beginValue()
                let empty = mark
                try write(inner, scope, rate: rate)
                if mark == empty { goBack(to: before) } else { endObject() }
            case .value(let kind, let source, let isRequired):
                do throws(MappingFault) {
                    if let value = try source.value(scope) {
                        key(member.key)
                        try write(value, kind, rate: rate)
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
    }

    private mutating func write(
        _ value: MappedValue, _ kind: MemberRule.Kind, rate: Double
    ) throws(MappingFault) {
        switch kind {
        case .text: try text(value)
        case .number: try number(value)
        case .amount:
            if rate == 1 { return try number(value) }
            let amount = try value.number() * rate
            guard amount.isFinite else { throw .invalid("is too large a number") }
            self.value(amount)
        case .time: try time(value)
        case .flag: self.value(try value.flag())
        case .attribute:
            switch value {
            case .integer, .number: try number(value)
            default: try text(value)
            }
        }
    }

    private mutating func text(_ value: MappedValue) throws(MappingFault) {
        if case .node(let node) = value, node.shape == .text {
            return unsafe self.value(utf8: node.bytes)
        }
        var text = try value.text()
        text.withUTF8 { unsafe self.value(utf8: $0) }
    }

    private mutating func number(_ value: MappedValue) throws(MappingFault) {
        if case .integer(let number) = value { return self.value(number) }
        self.value(try value.number())
    }

    /// A number, digits, or a text that the decoder reads as RFC 3339.
    private mutating func time(_ value: MappedValue) throws(MappingFault) {
        switch value {
        case .integer(let number): self.value(number)
        case .number(let number): self.value(number)
        case .flag(let flag): throw .invalid("must be a time, not \(flag)")
        case .node, .text:
            if let digits = Int64(try value.text()) { return self.value(digits) }
            try text(value)
        }
    }
}
