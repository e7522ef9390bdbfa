/// Somebody asked for the end; everything learned until then is committed.
public struct Interrupted: Error, CustomStringConvertible, ClassifiedFailure {
    /// What became of the work so far.
    var outcome: String

    public init(outcome: String = "what was learned is committed") { self.outcome = outcome }

    public var failureKind: FailureKind { .interrupted }

    public var description: String { "interrupted; \(outcome)" }
}
