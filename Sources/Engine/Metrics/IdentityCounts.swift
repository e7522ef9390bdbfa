/// What events that join an id to a user came to.
public struct IdentityCounts: Sendable, Equatable {
    /// Ids that were on their own: all that was held of them went along.
    public var joined = 0
    /// Ids that were another user's until then, who keeps what was.
    public var moved = 0
    /// Ids that were the user's already.
    public var known = 0
    /// Identities older than what is known of their ids; nothing came of them.
    public var outdated = 0

    /// None came.
    public init() {}
}
