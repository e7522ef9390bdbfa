import Synchronization

/// The identity that new connections are made under; it may be exchanged while others go on. Thread: any.
public final class TLSInForce: Sendable {
    private let state: Mutex<TLSIdentity>

    /// Begins with this one.
    public init(_ identity: TLSIdentity) { state = Mutex(identity) }

    /// The one in force.
    public var identity: TLSIdentity { state.withLock { $0 } }

    /// From now on another one is; connections that are open keep theirs.
    public func replace(_ identity: TLSIdentity) { state.withLock { $0 = identity } }
}
