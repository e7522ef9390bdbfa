extension JSONOutput {
    /// Bytes of a decimal's unscaled number, at most: 308 digits, as many as a double has before
    /// its point.
    package static let decimalBytesMax = 128
    /// Digits behind a decimal's point, at most.
    package static let decimalScaleMax = 256

    /// A decimal's exact text as a number: a big-endian number in two's complement, divided by
    /// 10^scale. `false` for one that is too long.
    ///
    /// A whole number of more digits than 64 bits hold is written with `.0`, since readers take one
    /// without a point for an integer and fail.
    package mutating func decimal(_ bytes: UnsafeRawBufferPointer, scale: Int) -> Bool {
        guard bytes.count <= Self.decimalBytesMax else { return false }
        if bytes.count <= 8 {
            var value: Int64 = 0
            for index in 0..<bytes.count {
                let byte = unsafe bytes[index]
                value = index == 0 ? Int64(Int8(bitPattern: byte)) : value << 8 | Int64(byte)
            }
            small(value, scale: scale)
            return true
        }
        let isNegative = unsafe bytes[0] >= 0x80
        if isNegative { put(0x2d) }
        scaled(unsafe Self.digits(bytes, isNegative: isNegative), scale: scale)
        return true
    }

    /// Of a number that fits a machine word.
    package mutating func small(_ value: Int64, scale: Int) {
        if value < 0 { put(0x2d) }
        guard scale > 0 else { return number(value.magnitude) }
        guard scale <= 18 else {
            return scaled(Array(String(value.magnitude).utf8), scale: scale)
        }
        let unit = (0..<scale).reduce(1 as UInt64) { unit, _ in unit * 10 }
        number(value.magnitude / unit)
        put(0x2e)
        digits(value.magnitude % unit, width: scale)
    }

    /// Decimal digits with the point put in.
    private mutating func scaled(_ digits: [UInt8], scale: Int) {
        let whole = digits.count - scale
        if whole > 0 {
            append(digits, 0..<whole)
        } else {
            put(0x30)
        }
        guard scale > 0 else {
            if digits.count > 18 { append(".0") }
            return
        }
        put(0x2e)
        for _ in 0..<max(0, -whole) { put(0x30) }
        append(digits, max(0, whole)..<digits.count)
    }

    /// The magnitude's digits, by division by 10^9.
    private static func digits(_ bytes: UnsafeRawBufferPointer, isNegative: Bool) -> [UInt8] {
        var magnitude = unsafe Array(bytes)
        if isNegative {
            var carry = true
            for index in magnitude.indices.reversed() {
                magnitude[index] = ~magnitude[index]
                if carry {
                    let (sum, overflow) = magnitude[index].addingReportingOverflow(1)
                    magnitude[index] = sum
                    carry = overflow
                }
            }
        }
        var groups: [UInt64] = []
        var rest = magnitude[...].drop { $0 == 0 }
        while !rest.isEmpty {
            var remainder: UInt64 = 0
            for index in rest.indices {
                let value = remainder << 8 | UInt64(rest[index])
                rest[index] = UInt8(truncatingIfNeeded: value / 1_000_000_000)
                remainder = value % 1_000_000_000
            }
            groups.append(remainder)
            rest = rest.drop { $0 == 0 }
        }
        guard let first = groups.last else { return [0x30] }
        var text = Array(String(first).utf8)
        for group in groups.dropLast().reversed() {
            let part = Array(String(group).utf8)
            text += Array(repeating: 0x30, count: 9 - part.count) + part
        }
        return text
    }
}
