import Records

/// How times and discounts are read wherever the ledger of rules has them.
extension ByteReader {
    /// Times that rules reckon with: their differences must not overflow.
    mutating func time() throws(ByteCodingError) -> Int64 {
        let ms = try integer(Int64.self)
        guard abs(ms / 2) < 1 << 60 else { throw .badValue(at: position - 8, "the time \(ms)") }
        return ms
    }

    mutating func discount() throws(ByteCodingError) -> Double {
        let discount = try double()
        guard (0..<1).contains(discount) else {
            throw .badValue(at: position - 8, "the discount \(discount)")
        }
        return discount
    }

    /// How many; small enough that one more never overflows.
    mutating func tally() throws(ByteCodingError) -> Int64 {
        let count = try integer(Int64.self)
        guard (0..<1 << 53).contains(count) else {
            throw .badValue(at: position - 8, "the count \(count)")
        }
        return count
    }

    /// Money.
    mutating func amount() throws(ByteCodingError) -> Double {
        let amount = try double()
        guard (0...ItemOffer.amountMax).contains(amount) else {
            throw .badValue(at: position - 8, "the amount \(amount)")
        }
        return amount
    }
}
