import Engine
import Events
import Records

extension BatchInput {
    /// The records that the batch learned, each found to be the one that it was.
    ///
    /// - Throws: `VerificationError.missing` or `.changed`, with the first record it is true of.
    func records(from spool: RecordSpool) throws -> [RecordSpool.Entry] {
        var all: [RecordSpool.Entry] = []
        var digest = SHA256()
        for part in parts {
            let entries = try spool.records(of: part.position, in: part.range).filter { entry in
                !part.skipped.contains { $0.contains(entry.record.offset) }
            }
            try check(part, entries, topicsSeen: spool.topicsSeen)
            for entry in entries { digest.update(entry.record.digest.bytes) }
            all += entries
        }
        guard digest.finalize() == self.digest else {
            // Every check held, and yet something is another: one chance in four billion.
            let place = all.first.map { RecordPlace($0.record.position, $0.record.offset) }
            throw VerificationError.changed(
                batch: number,
                place: place ?? RecordPlace(parts[0].position, parts[0].range.lowerBound))
        }
        return all
    }

    private func check(
        _ part: Part, _ entries: [RecordSpool.Entry], topicsSeen: Set<String>
    ) throws {
        if entries.isEmpty, !part.checks.isEmpty, !topicsSeen.contains(part.position.topic) {
            throw VerificationError.missing(
                batch: number, position: part.position, range: part.range,
                .noTopic(seen: topicsSeen.sorted()))
        }
        guard entries.count >= part.checks.count else {
            throw VerificationError.missing(
                batch: number, position: part.position, range: part.range,
                .records(
                    there: entries.count, learned: part.checks.count,
                    firstMissing: firstMissing(part, entries)))
        }
        for (index, entry) in entries.enumerated() {
            guard index < part.checks.count, entry.record.digest.check == part.checks[index] else {
                throw VerificationError.changed(
                    batch: number, place: RecordPlace(part.position, entry.record.offset))
            }
        }
    }

    /// The first offset that was learned and is not there, where the range had no holes.
    private func firstMissing(_ part: Part, _ entries: [RecordSpool.Entry]) -> Int64? {
        let offsets = part.range.filter { offset in !part.skipped.contains { $0.contains(offset) } }
        guard offsets.count == part.checks.count else { return nil }
        let there = Set(entries.map(\.record.offset))
        return offsets.first { !there.contains($0) }
    }
}
