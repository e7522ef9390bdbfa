import ContinualLearning
import Records
import ResponseModel
import Testing

@Suite struct SuspectLabelsTests {
    private static func labels(
        _ name: String, _ examples: Range<UInt64>, head: String = "purchase"
    ) -> SuspectLabels {
        SuspectLabels(slice: .init(head: head, name: name), examples: examples)
    }

    @Test("ranges of one category that touch are one; others stay apart")
    func merged() {
        var all: [SuspectLabels] = []
        all.note(Self.labels("a", 10..<20))
        all.note(Self.labels("a", 15..<30))
        all.note(Self.labels("b", 15..<30))
        all.note(Self.labels("a", 40..<50))
        all.note(Self.labels("a", 15..<30, head: "click"))
        #expect(
            all == [
                Self.labels("a", 10..<30), Self.labels("b", 15..<30), Self.labels("a", 40..<50),
                Self.labels("a", 15..<30, head: "click"),
            ])
    }

    @Test("numbers that are given anew are not suspect")
    func forgotten() {
        var all = [Self.labels("a", 10..<30), Self.labels("b", 40..<50)]
        all.forget(from: 20)
        #expect(all == [Self.labels("a", 10..<20)])
    }

    @Test("what was written is read again, and what is damaged is refused")
    func record() throws {
        let all = [Self.labels("a", 10..<30), Self.labels("all", 40..<50)]
        var writer = ByteWriter()
        all.write(to: &writer)
        var reader = ByteReader(writer.bytes)
        #expect(try [SuspectLabels](from: &reader) == all)
        try reader.finish()
        for length in 0..<writer.bytes.count {
            var short = ByteReader(Array(writer.bytes.prefix(length)))
            #expect(throws: ByteCodingError.self) { try [SuspectLabels](from: &short) }
        }
    }
}
