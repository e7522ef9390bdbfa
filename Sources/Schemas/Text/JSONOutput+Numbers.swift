extension JSONOutput {
    package mutating func number(_ number: Int64) {
        if number < 0 { put(0x2d) }
        self.number(number.magnitude)
    }

    package mutating func number(_ number: UInt64) {
        if number < 10 {
            put(0x30 + UInt8(truncatingIfNeeded: number))
            return
        }
        digits(number, width: Self.width(number))
    }

    /// Exactly `width` digits, with zeros in front.
    package mutating func digits(_ number: UInt64, width: Int) {
        var rest = number
        let start = count
        for _ in 0..<width { put(0x30) }
        guard count == start + width else { return }
        for place in stride(from: count - 1, through: start, by: -1) {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            set(place, 0x30 + UInt8(truncatingIfNeeded: digit))
            rest = quotient
        }
    }

    private static func width(_ number: UInt64) -> Int {
        var width = 1
        var bound: UInt64 = 10
        while width < 20, number >= bound {
            width += 1
            let (next, overflow) = bound.multipliedReportingOverflow(by: 10)
            if overflow { break }
            bound = next
        }
        return number >= 10_000_000_000_000_000_000 ? 20 : width
    }

    /// The shortest decimal that reads back as the same number; `null` for one that is not finite.
    package mutating func number(_ number: Double) {
        if hundredths(number) { return }
        guard number.isFinite else { return append("null") }
        append(Array(number.description.utf8))
    }

    /// Likewise, the shortest that reads back as the same single-precision number.
    package mutating func number(_ number: Float) {
        let wide = Double(number)
        // A whole number has one text in either precision.
        if abs(wide) < 1e7, wide == wide.rounded(), number.sign == .plus || number != 0 {
            return self.number(Int64(wide))
        }
        guard number.isFinite else { return append("null") }
        append(Array(number.description.utf8))
    }

    /// Amounts with at most four decimals, which is what prices are, without a search for the
    /// shortest text.
    ///
    /// A whole number below 2^53 divided by a power of ten is rounded once, as reading the decimal
    /// is; so where the quotient is the number, the decimal reads back as it, and of at most 15
    /// digits there is no other such decimal.
    private mutating func hundredths(_ number: Double) -> Bool {
        var scale: UInt64 = 1
        for places in [0, 2, 4] {
            let whole = (number * Double(scale)).rounded()
            guard abs(whole) < 1e15 else { return false }
            if whole / Double(scale) == number {
                guard whole != 0 || number.sign == .plus else { return false }
                if whole < 0 { put(0x2d) }
                decimal(UInt64(abs(whole)), scale, places)
                return true
            }
            scale *= 100
        }
        return false
    }

    private mutating func decimal(_ scaled: UInt64, _ scale: UInt64, _ places: Int) {
        let (whole, fraction) = scaled.quotientAndRemainder(dividingBy: scale)
        number(whole)
        self.fraction(fraction, places)
    }
}
