/// Somebody asked for the end; everything learned until then is committed.
public struct Interrupted: Error, CustomStringConvertible, ClassifiedFailure {
    /// What became of the work so far.
    var outcome: String

    /// - Parameter outcome: what became of the work so far, in a clause.
    public init(outcome: String = "what was learned is committed") { self.outcome = outcome }

    /// Always `interrupted`.
    public var failureKind: FailureKind { .interrupted }

    /// The message that a command ends with.
    public var description: String { "interrupted; \(outcome)" }
}
