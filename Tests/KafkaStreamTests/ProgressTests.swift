import KafkaStream
import Records
import Testing

@Suite("Assignment")
struct ProgressTests {
    private let a = TopicPartition(topic: "t", partition: 0)
    private let b = TopicPartition(topic: "t", partition: 1)

    @Test("idleness begins when the last partition reaches its end, and ends with a record")
    func idleness() {
        var progress = AssignmentProgress(nowMs: 0)
        progress.assigned(a, from: 5, end: 7, nowMs: 0)
        progress.assigned(b, from: 0, end: 0, nowMs: 0)
        progress.reachedEnd(1, offset: 0, nowMs: 10)
        #expect(!progress.isCaughtUp && progress.idleMs(nowMs: 50) == nil)
        progress.received(0, offset: 5, nowMs: 20)
        progress.received(0, offset: 6, nowMs: 30)
        progress.reachedEnd(0, offset: 7, nowMs: 31)
        #expect(progress.isCaughtUp && progress.idleMs(nowMs: 131) == 100)
        progress.received(1, offset: 0, nowMs: 140)
        #expect(!progress.isCaughtUp && progress.sinceLastRecordMs(nowMs: 150) == 10)
        progress.reachedEnd(1, offset: 1, nowMs: 145)
        #expect(progress.idleMs(nowMs: 150) == 5)
        // Saying so again changes nothing.
        progress.reachedEnd(1, offset: 1, nowMs: 149)
        #expect(progress.idleMs(nowMs: 150) == 5)
    }

    @Test("the marks of a transaction at the end count as read")
    func transactionMarks() {
        var progress = AssignmentProgress(nowMs: 0)
        progress.assigned(a, from: 0, end: 3, nowMs: 0)
        progress.received(0, offset: 1, nowMs: 1)
        progress.reachedEnd(0, offset: 3, nowMs: 2)
        #expect(progress.partitions[0].receivedOffset == 3)
        progress.handedOut(0, nextOffset: 2)
        #expect(progress.partitions[0].lag == 1)
    }

    private func plan(
        _ offsets: [TopicPartition: Int64], _ available: [TopicPartition: Range<Int64>],
        _ onGap: KafkaConfiguration.GapPolicy
    ) throws(KafkaError) -> AssignmentPlan {
        try AssignmentPlan(
            choice: PartitionChoice(shards: 1, shard: 0), partitionCounts: ["t": 2],
            positions: [a, b], stored: AssignmentPlan.Stored(offsets: offsets),
            available: available, onGap: onGap)
    }

    @Test("stored offsets that the broker has, or will have next, are gone on from")
    func noGap() throws {
        let plan = try plan([a: 10], [a: 3..<10, b: 4..<9], .stop)
        #expect(plan.starts.map(\.offset) == [10, 4])
        #expect(plan.starts.map(\.isNew) == [false, true])
        #expect(plan.gaps.isEmpty)
    }

    @Test(
        "a gap stops with both offsets named, or is reported when accepted",
        arguments: [
            (Int64(2), OffsetGap.Kind.retention), (11, .endBeforeOffset),
        ])
    func gap(stored: Int64, kind: OffsetGap.Kind) throws {
        let available = [a: Int64(3)..<10, b: 0..<0]
        let error = try #require(throws: KafkaError.self) {
            try plan([a: stored], available, .stop)
        }
        guard case .offsetGap(let gap) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(
            gap == OffsetGap(position: a, kind: kind, stored: stored, available: 3..<10))
        for part in ["topic t", "partition 0", "\(stored)", "3", "10"] {
            #expect(error.description.contains(part))
        }
        #expect(error.category == .data)
        let accepted = try plan([a: stored], available, .accept)
        #expect(accepted.gaps == [gap])
        #expect(accepted.starts.map(\.offset) == [3, 0])
    }

    @Test("an offset of a partition that is no more is a gap; one never read is not")
    func missingPartition() throws {
        let gone = TopicPartition(topic: "t", partition: 7)
        let other = TopicPartition(topic: "u", partition: 7)
        let available = [a: Int64(0)..<1, b: Int64(0)..<1]
        let error = try #require(throws: KafkaError.self) { try plan([gone: 3], available, .stop) }
        guard case .offsetGap(let gap) = error, gap.kind == .partitionMissing else {
            Issue.record("\(error)")
            return
        }
        #expect(try plan([gone: 0, other: 9], available, .stop).gaps.isEmpty)
    }
}
