/// A policy to be evaluated, as the command line names it.
public enum PolicySource: Sendable, Hashable {
    /// What the log's policy did.
    case logged
    /// Each discount that could have been given, equally often.
    case uniform
    /// One discount for all, as far as the rules allow it.
    case fixed(Double)
    /// What a snapshot would do, with the probabilities of its exploring.
    case snapshot(String)
    /// Probabilities that a file gives.
    case file(String)

    /// - Throws: `PolicySourceError` for what is none of them.
    public init(_ text: String) throws(PolicySourceError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let rest = parts.count == 2 ? String(parts[1]) : nil
        switch (String(parts[0]), rest) {
        case ("logged", nil): self = .logged
        case ("uniform", nil): self = .uniform
        case ("fixed", let rest?):
            guard let depth = Double(rest), (0..<1).contains(depth) else {
                throw PolicySourceError(text: text, reason: "the discount must be in [0, 1)")
            }
            self = .fixed(depth)
        case ("snapshot", let rest?) where !rest.isEmpty: self = .snapshot(rest)
        case ("file", let rest?) where !rest.isEmpty: self = .file(rest)
        default:
            throw PolicySourceError(
                text: text,
                reason: "a policy is logged, uniform, fixed:0.1, snapshot:REF or file:FILE")
        }
    }

    /// As the command line has it.
    public var name: String {
        switch self {
        case .logged: "logged"
        case .uniform: "uniform"
        case .fixed(let depth): "fixed:\(depth)"
        case .snapshot(let reference): "snapshot:\(reference)"
        case .file(let path): "file:\(path)"
        }
    }
}

/// A policy's name that is none.
public struct PolicySourceError: Error, CustomStringConvertible, ClassifiedFailure {
    let text: String
    let reason: String

    /// Usage.
    public var failureKind: FailureKind { .usage }
    /// What was given, and what can be.
    public var description: String { "policy '\(text)': \(reason)" }
}
