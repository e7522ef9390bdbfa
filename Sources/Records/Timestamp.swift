/// RFC 3339 date-times, read from and written to bytes; no locale, no calendar library.
public enum Timestamp {
    /// Epoch milliseconds of an RFC 3339 date-time, or `nil` when the text is none.
    ///
    /// Any offset and any number of fractional digits (truncated to milliseconds) are read.
    /// Second 60 is read where a leap second can be, at 23:59 UTC, as the second after it.
    ///
    /// Source: RFC 3339 section 5.6.
    public static func milliseconds(_ text: String) -> Int64? {
        var copy = text
        return copy.withUTF8 { unsafe milliseconds($0) }
    }

    /// The same of bytes that need not be UTF-8.
    package static func milliseconds(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
        // 1985-04-12T23:20:50.52Z: the shortest has 20 bytes.
        guard text.count >= 20, text.count <= 64,
            let year = unsafe digits(text, 0, 4), unsafe text[4] == minus,
            let month = unsafe digits(text, 5, 2), unsafe text[7] == minus,
            let day = unsafe digits(text, 8, 2), unsafe text[10] | 0x20 == 0x74,
            let hour = unsafe digits(text, 11, 2), unsafe text[13] == colon,
            let minute = unsafe digits(text, 14, 2), unsafe text[16] == colon,
            let second = unsafe digits(text, 17, 2),
            (1...12).contains(month), day >= 1, day <= dayCount(year: year, month: month),
            hour <= 23, minute <= 59, second <= 60
        else { return nil }
        var index = 19
        guard let fraction = unsafe fractionMs(text, &index),
            let offsetMinutes = unsafe offset(text, &index), index == text.count
        else { return nil }
        let minutes =
            (daysSinceEpoch(year: year, month: month, day: day) * 24 + hour) * 60 + minute
            - offsetMinutes
        if second == 60 {
            let ofDay = ((minutes % 1440) + 1440) % 1440
            return ofDay == 1439 ? Int64(minutes * 60 + 60) * 1000 : nil
        }
        return Int64(minutes * 60 + second) * 1000 + Int64(fraction)
    }

    /// The date-time in UTC, with milliseconds where they are not 0.
    public static func text(ms: Int64) -> String {
        var ofDay = ms % 86_400_000
        var days = ms / 86_400_000
        if ofDay < 0 {
            ofDay += 86_400_000
            days -= 1
        }
        let (year, month, day) = date(daysSinceEpoch: Int(days))
        let seconds = ofDay / 1000
        var text = pad(year, 4) + "-" + pad(month, 2) + "-" + pad(day, 2) + "T"
        text += pad(Int(seconds / 3600), 2) + ":" + pad(Int(seconds / 60 % 60), 2)
        text += ":" + pad(Int(seconds % 60), 2)
        if ofDay % 1000 != 0 { text += "." + pad(Int(ofDay % 1000), 3) }
        return text + "Z"
    }

    private static let minus = UInt8(ascii: "-")
    private static let colon = UInt8(ascii: ":")

    private static func digits(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ count: Int)
        -> Int?
    {
        var value = 0
        for index in start..<start + count {
            let digit = unsafe text[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }

    /// The optional fraction at `index`, in milliseconds; `nil` when a point has no digit after it.
    private static func fractionMs(_ text: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> Int? {
        guard unsafe text[index] == UInt8(ascii: ".") else { return 0 }
        index += 1
        let start = index
        var value = 0
        var scale = 100
        while index < text.count {
            let digit = unsafe text[index] &- 0x30
            guard digit < 10 else { break }
            value += Int(digit) * scale
            scale /= 10
            index += 1
        }
        return index > start ? value : nil
    }

    /// `Z` or `±hh:mm` at `index`, in minutes east of UTC.
    private static func offset(_ text: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> Int? {
        guard index < text.count else { return nil }
        let sign = unsafe text[index]
        if sign | 0x20 == 0x7a {
            index += 1
            return 0
        }
        guard sign == UInt8(ascii: "+") || sign == minus, index + 6 <= text.count,
            let hours = unsafe digits(text, index + 1, 2), unsafe text[index + 3] == colon,
            let minutes = unsafe digits(text, index + 4, 2), hours <= 23, minutes <= 59
        else { return nil }
        index += 6
        return sign == minus ? -(hours * 60 + minutes) : hours * 60 + minutes
    }

    private static func dayCount(year: Int, month: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let ofEra = y - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    /// The same source's `civil_from_days`.
    package static func date(daysSinceEpoch days: Int) -> (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let ofEra = z - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * ofYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, ofYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
