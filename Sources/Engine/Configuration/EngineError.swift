/// Why the engine cannot go on.
public enum EngineError: Error, CustomStringConvertible {
    /// The stored state does not fit this configuration or base.
    case stateMismatch(String)

    /// What does not fit, in a sentence.
    public var description: String {
        switch self {
        case .stateMismatch(let what): "the stored state does not fit: \(what)"
        }
    }
}
