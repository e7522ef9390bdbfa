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
            try check(part, entries, spool)
            for entry in entries { digest.update(entry.record.digest.bytes) }
            all += entries
        }
        guard digest.finalize() == self.digest else {
            // Every check held, and yet something is another: one chance in four billion.
            let place = all.first.map { RecordPlace($0.record.position, $0.record.offset) }
            throw VerificationError.changed(
                batch: number,
                place: place ?? RecordPlace(parts[0].position, parts[0].range.lowerBound),
                versions: nil)
        }
        return all
    }

    private func check(
        _ part: Part, _ entries: [RecordSpool.Entry], _ spool: RecordSpool
    ) throws {
        if entries.isEmpty, !part.checks.isEmpty, !spool.topicsSeen.contains(part.position.topic) {
            throw VerificationError.missing(
                batch: number, position: part.position, range: part.range,
                .noTopic(seen: spool.topicsSeen.sorted()))
        }
        guard entries.count >= part.checks.count else {
            throw VerificationError.missing(
                batch: number, position: part.position, range: part.range,
                .records(
                    there: entries.count, learned: part.checks.count,
                    firstMissing: firstMissing(part, entries)))
        }
        for (index, entry) in entries.enumerated() {
            let expected = index < part.checks.count ? part.checks[index] : nil
            guard entry.record.digest.check == expected else {
                let place = RecordPlace(part.position, entry.record.offset)
                // Another log that was given may have it as it was learned.
                let learned = try spool.others(at: place).first {
                    $0.record.digest.check == expected
                }
                throw VerificationError.changed(
                    batch: number, place: place,
                    versions: learned.map { (entry.record.shown, $0.record.shown) })
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

extension SourceRecord {
    /// The record as a message shows it.
    fileprivate var shown: String {
        let text = value.map { String(decoding: $0, as: UTF8.self) } ?? "(null)"
        let most = 600
        var shown = text.count > most ? text.prefix(most) + "…" : text[...]
        if let timestampMs { shown += ", written at \(Timestamp.text(ms: timestampMs))" }
        return String(shown)
    }
}
