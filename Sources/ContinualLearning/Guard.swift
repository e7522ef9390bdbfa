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
    /// Training ends where the loss on texts kept apart was lowest; without, after the last epoch.
    case earlyStopping = "early_stopping"
    /// Bounds the norm of a training step's gradient.
    case clip

    /// Those in force unless the configuration says otherwise.
    public static let defaults: [Guard] = [.replay, .rebuild, .gate, .earlyStopping, .clip]
}
