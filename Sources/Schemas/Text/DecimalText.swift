/// Reads a number's text as the bytes of a decimal.
enum DecimalText {
    /// The shortest big-endian two's complement of `text` times 10^scale; `nil` for a text that is no
    /// plain number, where digits would be lost, or beyond the bound of what is read.
    static func bytes(_ text: String, scale: Int) -> [UInt8]? {
        var rest = Array(text.utf8)[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest = rest.dropFirst() }
        let parts = rest.split(
            separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, !whole.isEmpty else { return nil }
        var fraction = parts.count > 1 ? Array(parts[1]) : []
        while fraction.count > scale, fraction.last == 0x30 { fraction.removeLast() }
        guard fraction.count <= scale, whole.count <= 400 else { return nil }
        let digits = whole + fraction + Array(repeating: 0x30, count: scale - fraction.count)
        guard var magnitude = magnitude(digits) else { return nil }
        if isNegative {
            magnitude = magnitude.map { ~$0 }
            for index in magnitude.indices.reversed() {
                let (sum, overflow) = magnitude[index].addingReportingOverflow(1)
                magnitude[index] = sum
                if !overflow { break }
            }
        }
        let shortest = shortest(magnitude)
        return shortest.count <= JSONOutput.decimalBytesMax ? shortest : nil
    }

    /// Big-endian, with a byte of zeros before it.
    private static func magnitude(_ digits: some Sequence<UInt8>) -> [UInt8]? {
        var little: [UInt8] = [0]
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            var carry = Int(digit - 0x30)
            for index in little.indices {
                carry += Int(little[index]) * 10
                little[index] = UInt8(carry & 0xff)
                carry >>= 8
            }
            if carry > 0 { little.append(UInt8(carry)) }
        }
        return [0] + little.reversed()
    }

    private static func shortest(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes[...]
        while rest.count > 1, let first = rest.first, let next = rest.dropFirst().first,
            first == 0 && next < 0x80 || first == 0xff && next >= 0x80
        { rest = rest.dropFirst() }
        return Array(rest)
    }
}
