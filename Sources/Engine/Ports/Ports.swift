import ContinualLearning
import Encoder

/// Turns texts into vectors under the adapters it was given last.
///
/// Deterministic: a text's vector depends on the base, the adapters and the text alone.
public protocol TextEmbedding: AnyObject {
    /// One vector a text, of the base's hidden size.
    func vectors(of texts: [String]) throws -> [[Float]]
    func use(_ adapters: Adapters) throws
}

/// Trains a refresh beside the step.
public protocol RefreshTraining: AnyObject {
    /// Begins the job; returns at once.
    func start(_ job: RefreshJob)
    /// Waits for the job begun last; may be asked again. The result depends on the job alone.
    func finish() throws -> RefreshResult
    /// Whether `finish` would return at once.
    var isDone: Bool { get }
}

extension RefreshTraining {
    /// Of one that trains where it is started.
    public var isDone: Bool { true }
}
