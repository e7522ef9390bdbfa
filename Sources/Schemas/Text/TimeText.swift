import Records

/// Reads times as `JSONOutput` writes them: a date, a clock with a fraction, or both.
struct TimeText {
    private let text: [UInt8]
    private var at = 0

    private init(_ text: String) { self.text = Array(text.utf8) }

    /// Days since 1970-01-01 of `2026-11-30`; `nil` for another text.
    static func days(_ text: String) -> Int64? {
        var reader = TimeText(text)
        guard let days = reader.date(), reader.isAtEnd else { return nil }
        return days
    }

    /// 10^-digits seconds since midnight of `10:15:30.5`; `nil` where digits would be lost.
    static func timeOfDay(_ text: String, digits: Int) -> Int64? {
        var reader = TimeText(text)
        guard let count = reader.clock(digits), reader.isAtEnd else { return nil }
        return count
    }

    /// 10^-digits seconds since 1970 of `2026-11-30T10:15:30.5Z`, of a wall clock's time without the `Z`;
    /// `nil` for another text, where digits would be lost, and beyond 64 bits.
    static func timestamp(_ text: String, digits: Int, isLocal: Bool) -> Int64? {
        var reader = TimeText(text)
        guard let days = reader.date(), reader.take("T"), let count = reader.clock(digits),
            isLocal || reader.take("Z"), reader.isAtEnd
        else { return nil }
        let (ofDays, isTooFar) = days.multipliedReportingOverflow(by: 86_400 * unit(digits))
        let (sum, overflow) = ofDays.addingReportingOverflow(count)
        return isTooFar || overflow ? nil : sum
    }

    private var isAtEnd: Bool { at == text.count }

    private static func unit(_ digits: Int) -> Int64 {
        (0..<digits).reduce(1) { unit, _ in unit * 10 }
    }

    private mutating func take(_ character: Character) -> Bool {
        guard at < text.count, text[at] == character.asciiValue else { return false }
        at += 1
        return true
    }

    private mutating func number(_ count: Int) -> Int64? {
        guard at + count <= text.count else { return nil }
        var number: Int64 = 0
        for byte in text[at..<at + count] {
            guard (0x30...0x39).contains(byte) else { return nil }
            number = number * 10 + Int64(byte - 0x30)
        }
        at += count
        return number
    }

    private mutating func date() -> Int64? {
        guard at + 10 <= text.count else { return nil }
        let day = String(decoding: text[at..<at + 10], as: UTF8.self)
        guard let ms = Timestamp.milliseconds(day + "T00:00:00Z") else { return nil }
        at += 10
        return ms / 86_400_000
    }

    private mutating func clock(_ digits: Int) -> Int64? {
        guard let hour = number(2), take(":"), let minute = number(2), take(":"),
            let second = number(2), hour < 24, minute < 60, second < 60
        else { return nil }
        var count = ((hour * 60 + minute) * 60 + second) * Self.unit(digits)
        guard take(".") else { return count }
        var unit = Self.unit(digits)
        var hasDigits = false
        while at < text.count, (0x30...0x39).contains(text[at]) {
            unit /= 10
            guard let digit = number(1), unit > 0 || digit == 0 else { return nil }
            count += digit * unit
            hasDigits = true
        }
        return hasDigits ? count : nil
    }
}
