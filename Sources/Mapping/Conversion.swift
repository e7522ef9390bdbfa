import Events

/// A step from the value of a source to the one of an event.
enum Conversion: Sendable {
    case trim, lower, text
    case number(NumberForm)
    case time(TimeForm)
    case table(LookupTable)
    case multiply(Operand)
    case divide(Operand)
    /// In place of a value that is not there.
    case standard(ValueSource.Constant)

    indirect enum Operand: Sendable {
        case number(Double)
        case source(ValueSource)
        /// The minor units of the amount's currency: 100 of a euro, 1 of a yen.
        case minorUnits
    }

    func apply(to value: MappedValue?, _ scope: Scope) throws(MappingFault) -> MappedValue? {
        guard let value else {
            if case .standard(let constant) = self { return constant.value }
            return nil
        }
        switch self {
        case .standard: return value
        case .trim: return MappedValue(text: Self.trimmed(try value.text()))
        case .lower: return .text(try value.text().lowercased())
        case .text: return .text(try value.text())
        case .number(let form): return .number(try value.number(form))
        case .time(let form): return .integer(try form.milliseconds(value))
        case .table(let table): return try table.find(try value.text())?.value
        case .multiply(let operand):
            guard let factor = try operand.value(scope) else { return nil }
            return try Self.finite(try value.number() * factor)
        case .divide(let operand):
            guard let divisor = try operand.value(scope) else { return nil }
            guard divisor != 0 else { throw .invalid("would be divided by 0") }
            return try Self.finite(try value.number() / divisor)
        }
    }

    private static func finite(_ number: Double) throws(MappingFault) -> MappedValue {
        guard number.isFinite else { throw .invalid("is too large a number") }
        return .number(number)
    }

    /// Without the white space of ASCII at both ends.
    private static func trimmed(_ text: String) -> String {
        let bytes = text.utf8
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
        guard let first = bytes.firstIndex(where: { !isSpace($0) }),
            let last = bytes.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(text[first...last])
    }

    var isOfElement: Bool {
        switch self {
        case .multiply(.source(let source)), .divide(.source(let source)): source.isOfElement
        // The currency may be the element's own.
        case .multiply(.minorUnits), .divide(.minorUnits): true
        default: false
        }
    }
}

extension Conversion.Operand {
    fileprivate func value(_ scope: Scope) throws(MappingFault) -> Double? {
        switch self {
        case .number(let number): return number
        case .source(let source): return try source.value(scope)?.number()
        case .minorUnits: return Currency.minorUnits(of: scope.currency)
        }
    }
}

/// Values by what a source says.
struct LookupTable: Sendable {
    /// As it was written, or what it is called.
    let name: String
    let values: [String: ValueSource.Constant]
    /// For what is not there; `nil`: that is an error.
    var other: ValueSource.Constant?

    fileprivate func find(_ key: String) throws(MappingFault) -> ValueSource.Constant? {
        if let found = values[key] ?? other { return found }
        throw .invalid("has no entry for \"\(shortened(key))\" in \(name)")
    }
}

/// What amounts are in.
package enum Currency {
    /// Source: ISO 4217, list one: currencies whose minor unit is not a hundredth.
    private static let exponents: [String: Int] = {
        var exponents: [String: Int] = [:]
        let whole = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
        for code in whole.split(separator: " ") { exponents[String(code)] = 0 }
        for code in "BHD IQD JOD KWD LYD OMR TND".split(separator: " ") {
            exponents[String(code)] = 3
        }
        for code in ["CLF", "UYW"] { exponents[code] = 4 }
        return exponents
    }()

    /// How many minor units are one of the currency.
    package static func minorUnits(of code: String) -> Double {
        [1, 10, 100, 1_000, 10_000][exponents[code] ?? 2]
    }

    /// Whether a text is a code of three capital letters.
    package static func isCode(_ text: String) -> Bool {
        text.utf8.count == 3 && text.utf8.allSatisfy { (0x41...0x5a).contains($0) }
    }
}
