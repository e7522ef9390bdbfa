/// Why the engine cannot go on.
public enum EngineError: Error, CustomStringConvertible {
    /// The stored state does not fit this configuration or base.
    case stateMismatch(String)
    /// The arithmetic left the numbers: nothing is learned or published from here on.
    case notFinite(String)

    public var description: String {
        switch self {
        case .stateMismatch(let what): "the stored state does not fit: \(what)"
        case .notFinite(let what): "not a finite number: \(what)"
        }
    }
}
