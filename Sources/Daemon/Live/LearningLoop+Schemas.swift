import Glibc
import KafkaStream
import SchemaRegistry

extension LearningLoop {
    /// Between two requests to a registry that does not give a schema, doubled each time, milliseconds.
    private static let registryPauseMs = 200...5_000

    /// Waits until the schemas of a batch are known. Why it waits is said once for each reason, and only
    /// requests for the status are answered meanwhile; the brokers are not asked for more than fits the
    /// queue.
    ///
    /// - Returns: `false` when the daemon is told to stop before that; the batch is read again by the
    ///   next one.
    mutating func hasSchemas(_ batch: KafkaBatch) throws -> Bool {
        let decoding = reading.decoding
        var pauseMs = Self.registryPauseMs.lowerBound
        while true {
            do {
                try withRoom { loop in
                    try decoding.fetchSchemas(for: batch.records, skips: loop.learner.ledger.skips)
                }
                if waits.forSchema != nil {
                    log.emit(.schemaAgain)
                    board.leave(.waitingForSchema)
                }
                waits.forSchema = nil
                return true
            } catch let error where error is RegistryError || error is MissingSchema {
                let reason = "\(error)"
                if waits.forSchema != reason { log.emit(.waitingForSchema(reason: reason)) }
                waits.forSchema = reason
                guard try pause(pauseMs, reason) else { return false }
                pauseMs = min(2 * pauseMs, Self.registryPauseMs.upperBound)
            }
        }
    }

    /// - Returns: `false` when the daemon is told to stop.
    private mutating func pause(_ milliseconds: Int, _ reason: String) throws -> Bool {
        for _ in 0..<max(milliseconds / Self.waitMs, 1) {
            board.enter(.waitingForSchema)
            if learner.isCommitDue { try withRoom { loop in try loop.commit() } }
            serveStatus(reason: reason)
            if isStopped() { return false }
            usleep(UInt32(Self.waitMs) * 1_000)
        }
        return true
    }
}
