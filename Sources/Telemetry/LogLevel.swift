import Logging

/// The level below which lines are left out.
public enum LogLevel: String, Sendable, CaseIterable, Codable {
    /// In the order of gravity.
    case debug, info, warning, error

    var threshold: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
