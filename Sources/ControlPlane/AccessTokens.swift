import Synchronization

/// The tokens that are in force; they may be exchanged while requests are answered. Thread: any.
public final class AccessTokens: Sendable {
    /// Both tokens of one moment.
    public struct Pair: Sendable {
        /// Allows everything; `nil`: nothing can be changed over HTTP.
        public var operate: BearerToken?
        /// Allows reading alone; `nil`: there is no such token.
        public var read: BearerToken?

        /// Takes both as they are.
        public init(operate: BearerToken? = nil, read: BearerToken? = nil) {
            self.operate = operate
            self.read = read
        }
    }

    private let state: Mutex<Pair>

    /// Begins with these.
    public init(_ pair: Pair = Pair()) { state = Mutex(pair) }

    /// The tokens in force.
    public var pair: Pair { state.withLock { $0 } }

    /// From now on other ones are.
    public func replace(_ pair: Pair) { state.withLock { $0 = pair } }

    /// What an Authorization header allows. Both tokens are compared, so that the time tells neither.
    func role(_ header: String?) -> Caller.Role {
        let pair = pair
        let operates = pair.operate?.authorizes(header) ?? false
        let reads = pair.read?.authorizes(header) ?? false
        return operates ? .operate : reads ? .read : .nobody
    }
}
