import Daemon
import Events
import Foundation
import KafkaStream
import Synchronization
import Testing

@Suite(.serialized) struct StallTests {
    /// 60 in the full run, with the limits of the poll and of the session that it must outlast.
    private static let seconds =
        ProcessInfo.processInfo.environment["TIDEMARK_TEST_STALL_SECONDS"].flatMap(Int.init) ?? 4
    private static let limits =
        seconds >= 20
        ? "max.poll.interval.ms: 10000, session.timeout.ms: 6000"
        : "max.poll.interval.ms: 2000, session.timeout.ms: 1000"

    @Test(
        "a training that stalls beyond the limits of poll and session costs nothing but time, and what was decided goes out meanwhile"
    )
    func stall() throws {
        let fixture = try DaemonFixture(partitions: 2)
        let ts = nowMs() - 60_000
        @Sendable func outcome(_ number: Int) -> String {
            """
            {"type":"outcome","event_id":"o-\(number)","ts":\(ts + Int64(number)),\
            "user_id":"u\(number % 40)","item_id":"kettle-\(number % 5)","price":20,\
            "discount":\(number % 3 == 0 ? 0.2 : 0),"purchased":\(number % 7 == 0)}
            """
        }
        let items = (0..<5).map {
            """
            {"type":"item","event_id":"i-\($0)","ts":\(ts - 1),"item_id":"kettle-\($0)",\
            "title":"Steel Kettle \($0)","category":"Kitchen","price":20,"cost":5}
            """
        }
        let clicks = (0..<20).map {
            """
            {"type":"click","event_id":"c-\($0)","ts":\(ts + Int64($0)),"user_id":"shopper-\($0)",\
            "item_id":"kettle-1","price":20}
            """
        }
        try fixture.send(items + clicks + (0..<400).map(outcome), partition: 0)
        let stalled = Mutex(false)
        let publishedMeanwhile = Mutex(0)
        let seconds = Self.seconds
        let interference = Interference { moment in
            guard case .beforeTrainingEnds = moment,
                !stalled.withLock({ value in
                    defer { value = true }
                    return value
                })
            else { return }
            // More than the queues hold comes while nobody takes anything.
            try? fixture.send((400..<3400).map(outcome), partition: 1)
            sleep(UInt32(seconds))
            let read = (try? fixture.read(fixture.recommendations).count) ?? 0
            publishedMeanwhile.withLock { $0 = read }
        }
        let report = try LearningDaemon(
            try fixture.configuration(
                "lora.refresh_events=200", "lora.judge_events=100", "lora.epochs=1",
                "batch.events=50", "kafka.queue_bytes=1MiB", "kafka.client={\(Self.limits)}"),
            exitWhenIdleMs: 1500, interference: interference
        ).run()
        #expect(stalled.withLock { $0 })
        #expect(publishedMeanwhile.withLock { $0 } == clicks.count)
        #expect(report.events.read == items.count + clicks.count + 3400)
        #expect(report.events.duplicates == 0 && report.examples == 3400)
    }
}
