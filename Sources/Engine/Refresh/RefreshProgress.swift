import ContinualLearning
import Records

/// Where the refresh of the adapters stands.
///
/// A refresh begins at one batch boundary and is judged at a later one, both set by the numbers of
/// examples and texts alone, so that a replay swaps the adapters where the first run did, however long
/// the training took. Its job is kept in the store until then: after a crash it runs again.
enum RefreshProgress {
    case idle(nextAt: Int)
    case running(Candidate)

    struct Candidate {
        let job: RefreshJob
        var judgeAt: Int
    }
}

extension RefreshProgress {
    /// Without the job, which is a row of its own.
    func encoded(encoderVersion: UInt32, textsAt: Int) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(encoderVersion)
        switch self {
        case .idle(let nextAt):
            writer.bool(false)
            writer.integer(Int64(nextAt))
        case .running(let candidate):
            writer.bool(true)
            writer.integer(Int64(candidate.judgeAt))
        }
        writer.integer(Int64(textsAt))
        return writer.bytes
    }

    /// - Parameter job: the row with the job, where one is under way.
    /// - Returns: `textsAt` is `nil` in a row of before texts counted.
    static func decode(
        _ bytes: [UInt8], job: RefreshJob?
    ) throws -> (progress: RefreshProgress, encoderVersion: UInt32, textsAt: Int?) {
        var reader = ByteReader(bytes)
        let version = try reader.integer(UInt32.self)
        let isRunning = try reader.bool()
        let at = Int(try reader.integer(Int64.self))
        let textsAt = reader.remaining > 0 ? Int(try reader.integer(Int64.self)) : nil
        try reader.finish()
        guard isRunning else { return (.idle(nextAt: at), version, textsAt) }
        guard let job else {
            throw EngineError.stateMismatch("a refresh is under way without its job")
        }
        return (.running(.init(job: job, judgeAt: at)), version, textsAt)
    }
}
