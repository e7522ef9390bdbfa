import Records

/// Times as text, so that no unit has to be known to read them.
extension JSONOutput {
    /// The last day of the year 9999, counted from 1970-01-01.
    private static let lastDay: Int64 = 2_932_896
    /// The first day of the year 0.
    private static let firstDay: Int64 = -719_528

    /// A day counted from 1970-01-01, `"2026-11-30"`; beyond the years 0 to 9999 its number.
    package mutating func date(_ days: Int64) {
        guard (Self.firstDay...Self.lastDay).contains(days) else { return number(days) }
        put(0x22)
        day(days)
        put(0x22)
    }

    private mutating func day(_ days: Int64) {
        let (year, month, day) = Timestamp.date(daysSinceEpoch: Int(days))
        digits(UInt64(year), width: 4)
        put(0x2d)
        digits(UInt64(month), width: 2)
        put(0x2d)
        digits(UInt64(day), width: 2)
    }

    /// A time of the day in 10^-digits seconds, `"10:15:30.5"`; beyond a day its number.
    package mutating func timeOfDay(_ count: Int64, digits places: Int) {
        let unit = Self.unit(places)
        guard count >= 0, count < 86_400 * unit else { return number(count) }
        put(0x22)
        clock(count, unit, places)
        put(0x22)
    }

    /// A time since 1970-01-01T00:00 in 10^-digits seconds, in RFC 3339; one that `isLocal` is of a
    /// wall clock and has no `Z`. Beyond the years 0 to 9999 its number.
    package mutating func timestamp(_ count: Int64, digits places: Int, isLocal: Bool) {
        let unit = Self.unit(places)
        let ofDay = 86_400 * unit
        let days = count >= 0 ? count / ofDay : (count + 1) / ofDay - 1
        guard (Self.firstDay...Self.lastDay).contains(days) else { return number(count) }
        put(0x22)
        day(days)
        put(0x54)
        clock(count - days * ofDay, unit, places)
        if !isLocal { put(0x5a) }
        put(0x22)
    }

    /// An instant as seconds since 1970 and nanoseconds after them; `false`, and nothing written,
    /// beyond the years 0 to 9999.
    package mutating func instant(seconds: Int64, nanos: Int64) -> Bool {
        let days = seconds >= 0 ? seconds / 86_400 : (seconds + 1) / 86_400 - 1
        guard (Self.firstDay...Self.lastDay).contains(days), (0..<1_000_000_000).contains(nanos)
        else { return false }
        put(0x22)
        day(days)
        put(0x54)
        clock((seconds - days * 86_400) * 1_000_000_000 + nanos, 1_000_000_000, 9)
        put(0x5a)
        put(0x22)
        return true
    }

    /// A length of time, `"-1.5s"`; `false`, and nothing written, where the parts differ in sign.
    package mutating func duration(seconds: Int64, nanos: Int64) -> Bool {
        guard (-999_999_999...999_999_999).contains(nanos),
            seconds == 0 || nanos == 0
                || (seconds < 0) == (nanos < 0)
        else { return false }
        put(0x22)
        if seconds < 0 || nanos < 0 { put(0x2d) }
        number(seconds.magnitude)
        fraction(nanos.magnitude, 9)
        put(0x73)
        put(0x22)
        return true
    }

    private static func unit(_ places: Int) -> Int64 {
        (0..<places).reduce(1) { unit, _ in unit * 10 }
    }

    /// `hh:mm:ss` and a fraction without zeros at its end.
    private mutating func clock(_ count: Int64, _ unit: Int64, _ places: Int) {
        let seconds = UInt64(count / unit)
        digits(seconds / 3_600, width: 2)
        put(0x3a)
        digits(seconds / 60 % 60, width: 2)
        put(0x3a)
        digits(seconds % 60, width: 2)
        fraction(UInt64(count % unit), places)
    }

    /// A point and the digits of a fraction, without zeros at its end; nothing for 0.
    package mutating func fraction(_ count: UInt64, _ places: Int) {
        guard count > 0 else { return }
        var (rest, width) = (count, places)
        while rest % 10 == 0 {
            rest /= 10
            width -= 1
        }
        put(0x2e)
        digits(rest, width: width)
    }

    /// Sixteen bytes as a UUID's text.
    package mutating func uuid(_ bytes: UnsafeRawBufferPointer) {
        put(0x22)
        for index in 0..<bytes.count {
            if [4, 6, 8, 10].contains(index) { put(0x2d) }
            let byte = unsafe bytes[index]
            put(Self.hexDigit(byte >> 4))
            put(Self.hexDigit(byte & 15))
        }
        put(0x22)
    }
}
