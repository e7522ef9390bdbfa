/// What keeps a refresh of the adapters from forgetting and from harm. Each can be switched off, and
/// is judged by what it is worth on a log.
public enum Guard: String, Sendable, CaseIterable, Codable {
    /// Adapters are trained on, and posteriors rebuilt from, a sample of everything ever learned;
    /// without, on the recent examples alone.
    case replay
    /// The posterior is learned anew under the new vectors; without, it stays as it was learned under
    /// the old ones.
    case rebuild
    /// A candidate must show on fresh examples that it does no harm; without, every one is taken.
    case gate
    /// Training ends where the loss on texts kept apart was lowest; without, after the last pass.
    case earlyStopping = "early_stopping"
    /// Bounds the norm of a training step's gradient.
    case clip
    /// Holds weights that mattered in earlier refreshes (elastic weight consolidation, online).
    case ewc
    /// Draws the texts' logits to those of the adapters in service (learning without forgetting).
    case lwf
    /// No step may make the loss on older texts larger, to first order (averaged gradient episodic
    /// memory).
    case agem
    /// What is judged is the running mean of the adapters along the training.
    case averaging

    /// Those in force unless the configuration says otherwise.
    public static let defaults: [Guard] = [.replay, .rebuild, .gate, .earlyStopping, .clip]
}
