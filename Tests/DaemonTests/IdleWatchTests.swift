import Daemon
import KafkaStream
import Records
import Testing

@Suite struct IdleWatchTests {
    private let start = ContinuousClock.now
    private let positions = (0..<3).map { TopicPartition(topic: "t", partition: $0) }

    /// Three partitions, the last two with a backlog.
    private func watch() -> IdleWatch {
        var progress = AssignmentProgress(nowMs: 0)
        for (position, end) in zip(positions, [5, 10, 20] as [Int64]) {
            progress.assigned(position, from: 5, end: end, nowMs: 0)
        }
        return IdleWatch(idleAfterMs: 1000, partitions: progress.partitions, now: start)
    }

    private func after(_ ms: Int) -> ContinuousClock.Instant { start + .milliseconds(ms) }

    @Test("partitions with a backlog are told, and when it ends")
    func backlog() {
        var watch = watch()
        #expect(watch.behind == [positions[1], positions[2]])
        #expect(watch.note([positions[1]: 9, positions[2]: 20], now: after(1)) == [positions[2]])
        #expect(watch.note([positions[1]: 11, positions[0]: 6], now: after(2)) == [positions[1]])
        #expect(watch.behind.isEmpty)
    }

    @Test("a partition that brought nothing is idle once, until it brings something again")
    func idle() {
        var watch = watch()
        #expect(watch.newlyIdle(now: after(999)) { [:] } == [])
        _ = watch.note([positions[1]: 6], now: after(500))
        #expect(watch.newlyIdle(now: after(1000)) { [:] } == [positions[0], positions[2]])
        #expect(watch.newlyIdle(now: after(1499)) { [:] } == [])
        _ = watch.note([positions[0]: 6], now: after(1500))
        #expect(watch.newlyIdle(now: after(2600)) { [:] } == [positions[0], positions[1]])
    }

    @Test("while no broker can say what a partition has, it is not idle, nor right after that")
    func outage() {
        var watch = watch()
        let unknown: [TopicPartition: Int64?] = [positions[0]: nil, positions[1]: 0]
        #expect(watch.newlyIdle(now: after(1000)) { unknown } == [positions[1], positions[2]])
        #expect(watch.newlyIdle(now: after(1999)) { [:] } == [])
        #expect(watch.newlyIdle(now: after(2000)) { [:] } == [positions[0]])
    }

    @Test("a partition whose records wait to be read is not idle, however long learning took")
    func unread() {
        var watch = watch()
        let lag: [TopicPartition: Int64] = [positions[1]: 4, positions[2]: 1]
        #expect(watch.newlyIdle(now: after(60_000)) { lag } == [positions[0]])
        #expect(watch.newlyIdle(now: after(60_100)) { [:] } == [positions[1], positions[2]])
    }
}
