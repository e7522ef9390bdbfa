import Glibc
import KafkaStream
import SchemaRegistry

extension LearningLoop {
    /// Between two requests to a registry that does not give a schema, doubled each time, milliseconds.
    private static let registryPauseMs = 200...5_000

    /// Waits until the schemas of a batch are known. Why it waits is said once for each reason. Requests are
    /// answered meanwhile; the brokers are not asked for more than fits the queue.
    ///
    /// - Returns: `nil` when the batch may be learned; else why it is not, and is read again.
    mutating func waitForSchemas(of batch: KafkaBatch) throws -> Ending? {
        let decoding = reading.decoding
        var pauseMs = Self.registryPauseMs.lowerBound
        while true {
            do {
                try withRoom { loop in
                    try decoding.fetchSchemas(for: batch.records, skips: loop.learner.ledger.skips)
                }
                guard waits.forSchema != nil else { return nil }
                log.emit(.schemaAgain)
                board.leave(.waitingForSchema)
                waits.forSchema = nil
                guard board.pauses.now.learning != nil else { return nil }
                // Paused meanwhile: the batch is read again when learning goes on.
                try withRoom { loop in try loop.commit() }
                return .rewound
            } catch let error where error is RegistryError || error is MissingSchema {
                let reason = "\(error)"
                if waits.forSchema != reason { log.emit(.waitingForSchema(reason: reason)) }
                waits.forSchema = reason
                if let ending = try pause(pauseMs, reason) { return ending }
                pauseMs = min(2 * pauseMs, Self.registryPauseMs.upperBound)
            }
        }
    }

    /// - Returns: why the batch is not waited for any longer; `nil` where it is.
    private mutating func pause(_ milliseconds: Int, _ reason: String) throws -> Ending? {
        for _ in 0..<max(milliseconds / Self.waitMs, 1) {
            board.enter(.waitingForSchema, reason: reason)
            if learner.isCommitDue { try withRoom { loop in try loop.commit() } }
            if serveRequests() {
                board.leave(.waitingForSchema)
                waits.forSchema = nil
                return .rewound
            }
            if isStopped() { return stopped() }
            usleep(UInt32(Self.waitMs) * 1_000)
        }
        return nil
    }
}
