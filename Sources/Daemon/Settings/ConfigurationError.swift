/// A configuration that cannot be used: what is wrong, and where it was said.
public struct ConfigurationError: Error, CustomStringConvertible, ClassifiedFailure, Equatable {
    /// `tidemark.yaml:12`, `--set lora.rank` or `TIDEMARK_LORA_RANK`.
    public let place: String
    /// What is wrong, in a clause.
    public let message: String
    /// Further problems that were found beside it.
    public private(set) var more = 0

    /// Takes both as they are.
    public init(place: String, message: String) {
        self.place = place
        self.message = message
    }

    /// Always `badConfiguration`.
    public var failureKind: FailureKind { .badConfiguration }

    /// Place and message, and how many further problems there are.
    public var description: String {
        let others =
            more == 0
            ? "" : "; and \(more) more problem\(more == 1 ? "" : "s"), which 'tidemark check' lists"
        return "\(place): \(message)\(others)"
    }

    /// Throws the first, if there is one, with the number of the others.
    public static func throwFirst(of problems: [ConfigurationError]) throws(ConfigurationError) {
        guard var first = problems.first else { return }
        first.more = problems.count - 1
        throw first
    }
}
