import ContinualLearning
import ControlPlane
import Encoder
import Engine
import EventLog
import Events
import Foundation
import KafkaStream
import Platform
import Pricing
import Records
import ResponseModel
import SchemaRegistry
import SnapshotStore
import Tensor
import Tokenization

/// An error of ours that says which kind of failure it is.
public protocol ClassifiedFailure: Error {
    var failureKind: FailureKind { get }
}

/// What kind of failure an error is: the exit code that a script may rely on.
///
/// The codes are those of BSD's sysexits, and the shell's for an interrupt.
public enum FailureKind: Int32, Sendable {
    case usage = 64
    case badData = 65
    case unavailable = 69
    case bug = 70
    case badConfiguration = 78
    case interrupted = 130

    /// The kind of any error; one that is not known counts as a bug.
    public init(_ error: any Error) {
        switch error {
        case let error as any ClassifiedFailure: self = error.failureKind
        case is PricingError, is TensorError: self = .badConfiguration
        case EncoderError.writeFailed: self = .unavailable
        case EncoderError.configuration: self = .badConfiguration
        case is EncoderError, is TokenizationError, is ByteCodingError, is EngineError,
            is ResponseError, is ContinualLearningError, is EventError:
            self = .badData
        case is RefreshCancelled: self = .interrupted
        case let error as LogError: self = Self.kind(of: error)
        case let error as ControlError:
            self = error.isConfiguration ? .badConfiguration : .unavailable
        case let error as StoreError: self = Self.kind(of: error)
        case RegistryError.settings: self = .badConfiguration
        case is RegistryError: self = .unavailable
        case let error as KafkaError: self = Self.kind(of: error)
        case is PlatformError: self = .unavailable
        // From here on Swift's and Foundation's own: what was read, and what the system refuses.
        case is DecodingError: self = .badData
        case let error where type(of: error) is NSError.Type || error is CocoaError:
            self = .unavailable
        default: self = .bug
        }
    }

    private static func kind(of error: LogError) -> FailureKind {
        switch error {
        case .truncated, .damaged, .notCompressed, .lastOffset: .badData
        case .exists: .usage
        case .system(_, let operation, _, _): operation.hasPrefix("open") ? .usage : .unavailable
        case .outOfMemory: .unavailable
        }
    }

    private static func kind(of error: StoreError) -> FailureKind {
        switch error {
        case .unknownReference, .ambiguousReference, .badReference, .badTag, .tagTaken: .usage
        case .missing, .notAStore, .newerFormat, .olderFormat, .otherBase, .damaged, .baseMismatch,
            .notReplayable, .takesTooLong:
            .badData
        case .inUse, .readersPresent, .cannotWrite, .needsRecovery, .quotaReached, .diskFull, .gone,
            .system:
            .unavailable
        case .openedTwice, .closed, .openedReadOnly, .keyTooLong, .lmdb: .bug
        }
    }

    private static func kind(of error: KafkaError) -> FailureKind {
        switch error.category {
        case .configuration: .badConfiguration
        case .unavailable: .unavailable
        case .data: .badData
        case .bug: .bug
        }
    }
}
