import Daemon
import Records
import Testing

@Suite struct JournalFormatTests {
    /// An entry that tells of a refresh, as format 3 wrote it: words.
    private func notice(format: UInt8) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(format)
        writer.integer(4 as UInt8)
        writer.string("started")
        return writer.bytes
    }

    @Test("a notice of formats 2 and 3 is read as the words of its time, and is none of format 4")
    func words() throws {
        try DaemonRecordKind.journal.read(notice(format: 2))
        try DaemonRecordKind.journal.read(notice(format: 3))
        #expect(throws: ByteCodingError.self) {
            try DaemonRecordKind.journal.read(notice(format: 4))
        }
    }

    @Test("every kind of entry comes back as it was, and a part of one is refused")
    func kinds() throws {
        #expect(DaemonRecordKind.journalSeeds.count >= 13)
        for seed in DaemonRecordKind.journalSeeds {
            try DaemonRecordKind.journal.read(seed)
            #expect(throws: ByteCodingError.self) {
                try DaemonRecordKind.journal.read(Array(seed.dropLast()))
            }
        }
    }
}
