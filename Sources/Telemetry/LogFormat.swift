import Foundation
import Logging
import Records

/// How log lines look on standard error.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people: time, level, message, then the fields as `key=value`.
    case text
    /// For machines: one JSON object a line.
    case json

    /// The wall clock, which stands in every line.
    static var nowMs: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    /// One line with its end, whatever the texts hold.
    ///
    /// - Parameters:
    ///   - timeMs: milliseconds since 1970.
    ///   - exitCode: of a process that ends with this line.
    public func line(
        timeMs: Int64, level: String, message: String, fields: [String: String] = [:],
        exitCode: Int32? = nil
    ) -> String {
        let time = Timestamp.line(ms: timeMs)
        switch self {
        case .text:
            let tail = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            return "\(time) \(level) \(message)\(tail)".printable + "\n"
        case .json:
            var members = fields.mapValues(Self.quoted)
            members["time"] = Self.quoted(time)
            members["level"] = Self.quoted(level)
            members["message"] = Self.quoted(message)
            if let exitCode { members["exit_code"] = "\(exitCode)" }
            let pairs = members.sorted { $0.key < $1.key }
                .map { "\(Self.quoted($0.key)):\($0.value)" }
            return "{" + pairs.joined(separator: ",") + "}\n"
        }
    }

    /// A JSON string without a character that any reader takes for a line's end, or that a terminal
    /// acts on.
    ///
    /// Source: RFC 8259 section 7.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where !scalar.isUnprintable:
                quoted.unicodeScalars.append(scalar)
            default:
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return quoted + "\""
    }
}

extension Timestamp {
    /// As a log line has it: always with milliseconds, so that lines are aligned.
    static func line(ms: Int64) -> String {
        let text = text(ms: ms)
        return text.utf8.contains(UInt8(ascii: ".")) ? text : text.dropLast() + ".000Z"
    }
}

/// Writes each log line whole to standard error, so that lines of two threads never mix.
public struct LineLogHandler: LogHandler {
    /// Lines of lesser levels are not written.
    public var logLevel: Logger.Level
    /// Fields that every line gets; a line's own field of the same name takes its place.
    public var metadata: Logger.Metadata = [:]
    private let format: LogFormat
    private let sink: LineSink

    /// A handler of one logger, as swift-log asks for.
    public init(format: LogFormat, level: Logger.Level, sink: LineSink = .standardError) {
        self.format = format
        self.sink = sink
        logLevel = level
    }

    /// One field of `metadata`.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line with the wall clock's time.
    public func log(event: LogEvent) {
        sink.write(
            format.line(
                timeMs: LogFormat.nowMs, level: event.level.rawValue,
                message: "\(event.message)",
                fields: metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }))
    }
}
