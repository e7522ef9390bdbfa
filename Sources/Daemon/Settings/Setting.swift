import Records

/// One key of the configuration: how it is read, written and explained.
///
/// The table of all settings (`Configuration.settings`) is the only place that knows the keys: the
/// file, the environment, `--set`, the example file and the stored configuration all go through it.
struct Setting: Sendable {
    let key: String
    /// One line for the example file.
    let summary: String
    /// Completes "must be …".
    let expects: String
    /// What a value looks like, for editors.
    var form = Form.other
    /// The value as YAML.
    let read: @Sendable (Configuration) -> String
    /// `false` where the value is not what `expects` says.
    let write: @Sendable (inout Configuration, ConfigurationValue) -> Bool

    /// What a value looks like in a file.
    enum Form: Sendable {
        case integer(ClosedRange<Int>)
        case number(ClosedRange<Double>, orNull: Bool)
        case flag
        case text(allowEmpty: Bool)
        case choice([String])
        /// Milliseconds with a unit.
        case duration
        /// Bytes, with a unit or without.
        case bytes
        /// A list, or one element of it.
        case list
        /// Told by the setting's words alone.
        case other
    }

    var section: Substring { key.prefix { $0 != "." } }
    var name: Substring { key.dropFirst(section.count + 1) }
    /// Of a key within a key of its section, as `rules` in `pricing.rules.low_stock`.
    var group: Substring? { name.contains(".") ? name.prefix { $0 != "." } : nil }
    /// Whether a new value holds at once where the configuration is read again, which `ReloadPlan` sees to.
    var isLive: Bool { key == "log.level" }
    /// As it stands in its own line of a file.
    var lastName: Substring { group.map { name.dropFirst($0.count + 1) } ?? name }
    var environmentName: String {
        "TIDEMARK_" + key.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
    }
}

typealias ConfigurationPath<Value> = WritableKeyPath<Configuration, Value> & Sendable

extension Setting {
    static func integer(
        _ key: String, _ path: ConfigurationPath<Int>, _ range: ClosedRange<Int>, _ summary: String
    ) -> Setting {
        Setting(
            key: key, summary: summary,
            expects: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            form: .integer(range),
            read: { String($0[keyPath: path]) },
            write: { target, value in
                guard case .scalar(let text) = value, let number = Int(text), range ~= number else {
                    return false
                }
                target[keyPath: path] = number
                return true
            })
    }

    static func number(
        _ key: String, _ path: ConfigurationPath<Double>, _ range: ClosedRange<Double>,
        _ summary: String
    ) -> Setting {
        Setting(
            key: key, summary: summary,
            expects: "a number from \(plain(range.lowerBound)) to \(plain(range.upperBound))",
            form: .number(range, orNull: false),
            read: { plain($0[keyPath: path]) },
            write: { target, value in
                guard case .scalar(let text) = value, let number = Double(text), range ~= number
                else { return false }
                target[keyPath: path] = number
                return true
            })
    }

    static func optionalNumber(
        _ key: String, _ path: ConfigurationPath<Double?>, _ range: ClosedRange<Double>,
        _ summary: String
    ) -> Setting {
        Setting(
            key: key, summary: summary,
            expects:
                "a number from \(plain(range.lowerBound)) to \(plain(range.upperBound)), or null",
            form: .number(range, orNull: true),
            read: { $0[keyPath: path].map(plain) ?? "null" },
            write: { target, value in
                if value == .null {
                    target[keyPath: path] = nil
                    return true
                }
                guard case .scalar(let text) = value, let number = Double(text), range ~= number
                else { return false }
                target[keyPath: path] = number
                return true
            })
    }

    static func flag(
        _ key: String, _ path: ConfigurationPath<Bool>, _ summary: String
    ) -> Setting {
        Setting(
            key: key, summary: summary, expects: "true or false", form: .flag,
            read: { String($0[keyPath: path]) },
            write: { target, value in
                guard case .scalar(let text) = value, let flag = Bool(text) else { return false }
                target[keyPath: path] = flag
                return true
            })
    }

    static func text(
        _ key: String, _ path: ConfigurationPath<String>, allowEmpty: Bool = true,
        _ summary: String
    ) -> Setting {
        Setting(
            key: key, summary: summary, expects: allowEmpty ? "a text" : "a text, not empty",
            form: .text(allowEmpty: allowEmpty),
            read: { quoted($0[keyPath: path]) },
            write: { target, value in
                switch value {
                case .scalar(let text) where allowEmpty || !text.isEmpty:
                    target[keyPath: path] = text
                case .null where allowEmpty:
                    target[keyPath: path] = ""
                default: return false
                }
                return true
            })
    }

    static func choice<Value: RawRepresentable & CaseIterable & Sendable>(
        _ key: String, _ path: ConfigurationPath<Value>, _ summary: String
    ) -> Setting where Value.RawValue == String {
        Setting(
            key: key, summary: summary,
            expects: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
            form: .choice(Value.allCases.map(\.rawValue)),
            read: { $0[keyPath: path].rawValue },
            write: { target, value in
                guard case .scalar(let text) = value, let choice = Value(rawValue: text) else {
                    return false
                }
                target[keyPath: path] = choice
                return true
            })
    }

    /// Milliseconds, written with a unit: `250ms`, `5s`, `10m`, `24h`, `7d`.
    static func duration(
        _ key: String, _ path: ConfigurationPath<Int>, _ range: ClosedRange<Int>,
        _ summary: String
    ) -> Setting {
        Setting(
            key: key, summary: summary,
            expects:
                "a time from \(Duration.text(range.lowerBound)) to \(Duration.text(range.upperBound)), like 250ms, 5s, 10m, 24h, 7d",
            form: .duration,
            read: { Duration.text($0[keyPath: path]) },
            write: { target, value in
                guard case .scalar(let text) = value,
                    let milliseconds = Duration.milliseconds(text), range ~= milliseconds
                else { return false }
                target[keyPath: path] = milliseconds
                return true
            })
    }

    /// Bytes, plain or with a unit: `268435456`, `256MiB`.
    static func bytes(
        _ key: String, _ path: ConfigurationPath<Int>, _ range: ClosedRange<Int>,
        _ summary: String
    ) -> Setting {
        Setting(
            key: key, summary: summary,
            expects:
                "a number of bytes from \(ByteSize.text(range.lowerBound)) to \(ByteSize.text(range.upperBound)), like 1048576 or 256MiB",
            form: .bytes,
            read: { ByteSize.text($0[keyPath: path]) },
            write: { target, value in
                guard case .scalar(let text) = value, let count = ByteSize.bytes(text),
                    range ~= count
                else { return false }
                target[keyPath: path] = count
                return true
            })
    }

    static func list<Element: Sendable>(
        _ key: String, _ path: ConfigurationPath<[Element]>, expects: String,
        parse: @escaping @Sendable (ConfigurationValue) -> Element?,
        write render: @escaping @Sendable (Element) -> String,
        valid: @escaping @Sendable ([Element]) -> Bool = { _ in true }, _ summary: String
    ) -> Setting {
        Setting(
            key: key, summary: summary, expects: expects, form: .list,
            read: { "[" + $0[keyPath: path].map(render).joined(separator: ", ") + "]" },
            write: { target, value in
                let items: [ConfigurationValue]
                switch value {
                case .list(let list): items = list
                case .scalar: items = [value]  // one element may stand without brackets
                case .null: items = []
                case .map: return false
                }
                let elements = items.compactMap(parse)
                guard elements.count == items.count, valid(elements) else { return false }
                target[keyPath: path] = elements
                return true
            })
    }
}

/// The shortest decimal that reads back as the same number, without a trailing `.0`.
func plain(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : "\(number)"
}

/// As a YAML scalar: in double quotes, with everything escaped that YAML does not read there as it is.
///
/// Source: YAML 1.2, section 5.7.
func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\\": quoted += "\\\\"
        case "\"": quoted += "\\\""
        case "\n": quoted += "\\n"
        case _ where scalar.isUnprintable || scalar.value >= 0xfffe:
            let digits = String(scalar.value, radix: 16)
            quoted += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
        default: quoted.unicodeScalars.append(scalar)
        }
    }
    return quoted + "\""
}

/// Times with a unit.
enum Duration {
    private static let units: [(String, Int)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    static func milliseconds(_ text: String) -> Int? {
        if text == "0" { return 0 }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int(digits),
            let unit = units.first(where: { $0.0 == text.dropFirst(digits.count) })
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit.1)
        return overflow ? nil : product
    }

    static func text(_ milliseconds: Int) -> String {
        guard milliseconds != 0 else { return "0" }
        let unit = units.last { milliseconds % $0.1 == 0 } ?? units[0]
        return "\(milliseconds / unit.1)\(unit.0)"
    }
}

/// Sizes in bytes with a binary unit.
package enum ByteSize {
    private static let units: [(String, Int)] = [
        ("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ]

    package static func bytes(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int(digits),
            let unit = units.first(where: { $0.0 == text.dropFirst(digits.count) })
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit.1)
        return overflow ? nil : product
    }

    static func text(_ bytes: Int) -> String {
        guard bytes != 0 else { return "0" }
        let unit = units.last { bytes % $0.1 == 0 } ?? units[0]
        return "\(bytes / unit.1)\(unit.0)"
    }
}

/// Milliseconds of a time with a unit, `5s` or `250ms`; `nil` for anything else.
public func parseDuration(_ text: String) -> Int? {
    Duration.milliseconds(text)
}
