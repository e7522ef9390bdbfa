import Events
import Records

/// Moments at which a test may stop the daemon, slow it down or end its process.
///
/// Nothing outside this package can give one; the program runs with `none`.
package struct FaultInjection: Sendable {
    package enum Moment: Sendable {
        /// The records are about to be decoded and learned.
        case beforeLearning([SourceRecord])
        /// The store has the commit; nothing of it is published yet.
        case afterCommit
        /// Everything of a transaction has been sent; its end has not been asked for.
        case beforeTransactionCommit
        /// The brokers have the transaction; the outbox still has its messages.
        case afterTransactionCommit
        /// A refresh is about to be trained, on its own thread.
        case training
        /// A refresh is about to be judged, its training waited for, on the learning thread.
        case beforeTrainingEnds
    }

    package let at: @Sendable (Moment) -> Void

    package init(_ at: @escaping @Sendable (Moment) -> Void) {
        self.at = at
    }

    package static let none = FaultInjection { _ in }
}
