import Events
import Records

/// How a source writes a time.
enum TimeForm: Sendable, Hashable {
    /// A number of so many units a second since 1970: 1, 1,000, 1,000,000, 1,000,000,000.
    case epoch(perSecond: Int64)
    /// A date and a time in ISO 8601, with a zone of its own or the one given, minutes east of UTC.
    case iso(zone: Int?)
    case pattern([PatternPart], zone: Int?)

    enum PatternPart: Sendable, Hashable {
        case digits(Component, count: Int)
        /// Digits behind the decimal mark, as many as there are.
        case fraction
        /// `Z`, `UTC`, `+hh:mm` or `+hhmm`.
        case zone
        case literal(UInt8)
    }

    enum Component: Sendable, Hashable {
        case year, month, day, hour, minute, second
    }

    private static let units: [String: Int64] = [
        "s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000,
    ]

    /// Epoch milliseconds.
    func milliseconds(_ value: MappedValue) throws(MappingFault) -> Int64 {
        guard case .epoch(let perSecond) = self else {
            let text = try value.text()
            guard let ms = written(text) else {
                throw .invalid("must be a time \(described), not \"\(shortened(text))\"")
            }
            return ms
        }
        if case .integer(let number) = value { return try scaled(number, perSecond) }
        // Digits as a text keep all of them; a number with a fraction does not need them.
        if let text = try? value.text(), let number = Int64(text) {
            return try scaled(number, perSecond)
        }
        let number = try value.number() * (1000 / Double(perSecond))
        guard let ms = Int64(exactly: number.rounded()) else {
            throw .invalid("must be a time, not \(number)")
        }
        return ms
    }

    private func scaled(_ number: Int64, _ perSecond: Int64) throws(MappingFault) -> Int64 {
        if perSecond >= 1000 { return number / (perSecond / 1000) }
        let (ms, overflow) = number.multipliedReportingOverflow(by: 1000 / perSecond)
        if overflow { throw .invalid("must be a time, not \(number)") }
        return ms
    }

    /// What an error calls it.
    private var described: String {
        switch self {
        case .epoch: "since 1970"
        case .iso(nil): "in ISO 8601 with a zone"
        case .iso: "in ISO 8601"
        case .pattern: "in the pattern given"
        }
    }

    private func written(_ text: String) -> Int64? {
        guard text.utf8.count <= 64 else { return nil }
        var rest = Array(text.utf8)[...]
        let (parts, zone): ([PatternPart], Int?) =
            switch self {
            case .pattern(let parts, let zone): (parts, zone)
            case .iso(let zone): (Self.isoParts(rest), zone)
            case .epoch: ([], nil)
            }
        var found = DateParts(zone: zone)
        for part in parts where !found.take(part, &rest) { return nil }
        guard rest.isEmpty else { return nil }
        return found.milliseconds
    }

    /// The parts that a text in ISO 8601 seems to have.
    private static func isoParts(_ text: ArraySlice<UInt8>) -> [PatternPart] {
        let date: [PatternPart] = [
            .digits(.year, count: 4), .literal(0x2d), .digits(.month, count: 2), .literal(0x2d),
            .digits(.day, count: 2),
        ]
        guard text.count > 10 else { return date }
        var parts = date + [.literal(text[text.startIndex + 10] == 0x20 ? 0x20 : 0x54)]
        parts += [
            .digits(.hour, count: 2), .literal(0x3a), .digits(.minute, count: 2), .literal(0x3a),
            .digits(.second, count: 2),
        ]
        var tail = text.dropFirst(19)
        if tail.first == 0x2e {
            parts += [.literal(0x2e), .fraction]
            tail = tail.dropFirst().drop { (0x30...0x39).contains($0) }
        }
        if tail.first == 0x20 {
            parts.append(.literal(0x20))
            tail = tail.dropFirst()
        }
        return tail.isEmpty ? parts : parts + [.zone]
    }
}

/// A date and a time, part by part.
private struct DateParts {
    private var numbers: [TimeForm.Component: Int] = [:]
    private var fraction = ""
    private var zone: Int?

    init(zone: Int?) { self.zone = zone }

    /// - Returns: whether the text goes on with such a part.
    mutating func take(_ part: TimeForm.PatternPart, _ rest: inout ArraySlice<UInt8>) -> Bool {
        switch part {
        case .literal(let byte): return rest.popFirst() == byte
        case .digits(let component, let count):
            guard let number = Self.digits(count, &rest) else { return false }
            numbers[component] = number
        case .fraction:
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(digits.count)
            fraction = String(decoding: digits, as: UTF8.self)
            return !digits.isEmpty
        case .zone:
            guard let minutes = TimeForm.zone(&rest) else { return false }
            zone = minutes
        }
        return true
    }

    fileprivate static func digits(_ count: Int, _ rest: inout ArraySlice<UInt8>) -> Int? {
        let digits = rest.prefix(count)
        guard digits.count == count, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        rest = rest.dropFirst(count)
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    /// By way of RFC 3339, whose reader knows months and leap years.
    var milliseconds: Int64? {
        guard let year = numbers[.year], let month = numbers[.month], let day = numbers[.day],
            let zone
        else { return nil }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let years = String(year)
        var text = String(repeating: "0", count: max(0, 4 - years.count)) + years
        text += "-\(two(month))-\(two(day))T\(two(numbers[.hour] ?? 0)):"
        text += "\(two(numbers[.minute] ?? 0)):\(two(numbers[.second] ?? 0))"
        if !fraction.isEmpty { text += "." + fraction }
        text += (zone < 0 ? "-" : "+") + two(abs(zone) / 60) + ":" + two(abs(zone) % 60)
        return Timestamp.milliseconds(text)
    }
}

// MARK: Reading

extension TimeForm {
    /// Reads `time` and `zone`.
    init?(_ node: MappingNode, zone: MappingNode?, _ reading: MappingReading) {
        guard let text = reading.text(node, "time") else { return nil }
        var minutes: Int?
        if let zone {
            var rest = Array((zone.text ?? "").utf8)[...]
            minutes = Self.zone(&rest)
            guard minutes != nil, rest.isEmpty else {
                reading.refuse(
                    zone,
                    "zone must be UTC or an offset like +02:00, not \(zone.described): names of zones are not read, since what they mean changes with the machine"
                ) as Void?
                return nil
            }
        }
        if let perSecond = Self.units[text] {
            self = .epoch(perSecond: perSecond)
            if let zone { reading.refuse(zone, "'\(text)' since 1970 has no zone") as Void? }
        } else if text == "iso" {
            self = .iso(zone: minutes)
        } else {
            guard let parts = Self.parts(text) else {
                reading.refuse(
                    node,
                    "time must be s, ms, us, ns, iso or a pattern of yyyy, MM, dd, HH, mm, ss, S (fraction) and Z (zone), not '\(text)'"
                ) as Void?
                return nil
            }
            guard minutes != nil || parts.contains(.zone) else {
                reading.refuse(node, "the pattern '\(text)' has no zone; say zone: UTC") as Void?
                return nil
            }
            self = .pattern(parts, zone: minutes)
        }
    }

    /// The parts of a pattern; `nil` where it has no whole date.
    private static func parts(_ pattern: String) -> [PatternPart]? {
        let known: [(String, PatternPart)] = [
            ("yyyy", .digits(.year, count: 4)), ("MM", .digits(.month, count: 2)),
            ("dd", .digits(.day, count: 2)), ("HH", .digits(.hour, count: 2)),
            ("mm", .digits(.minute, count: 2)), ("ss", .digits(.second, count: 2)),
        ]
        guard pattern.utf8.count <= 64 else { return nil }
        var parts: [PatternPart] = []
        var rest = pattern[...]
        while let first = rest.first {
            if let (letters, part) = known.first(where: { rest.hasPrefix($0.0) }) {
                guard !parts.contains(part) else { return nil }
                parts.append(part)
                rest.removeFirst(letters.count)
            } else if first == "S" {
                parts.append(.fraction)
                rest = rest.drop { $0 == "S" }
            } else if first == "Z" {
                parts.append(.zone)
                rest = rest.drop { $0 == "Z" }
            } else if first.isASCII, first == "T" || !first.isLetter, !first.isNumber,
                let byte = first.asciiValue
            {
                parts.append(.literal(byte))
                rest.removeFirst()
            } else {
                return nil
            }
        }
        return known.prefix(3).allSatisfy { parts.contains($0.1) } ? parts : nil
    }

    /// `Z`, `UTC`, `+hh:mm` or `+hhmm`, in minutes east of UTC.
    fileprivate static func zone(_ rest: inout ArraySlice<UInt8>) -> Int? {
        for name in ["UTC", "GMT", "Z", "z"] where rest.starts(with: name.utf8) {
            rest = rest.dropFirst(name.utf8.count)
            return 0
        }
        guard let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else {
            return nil
        }
        rest = rest.dropFirst()
        guard let hours = DateParts.digits(2, &rest) else { return nil }
        if rest.first == UInt8(ascii: ":") { rest = rest.dropFirst() }
        guard let minutes = DateParts.digits(2, &rest), hours <= 23, minutes <= 59 else {
            return nil
        }
        return (hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -1 : 1)
    }
}
