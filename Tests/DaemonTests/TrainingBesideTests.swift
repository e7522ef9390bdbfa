import Daemon
import Foundation
import SnapshotStore
import Synchronization
import Testing

@Suite(.serialized) struct TrainingBesideTests {
    /// A training that goes on until it is let go, and whether one has been judged.
    private final class HeldTraining: Sendable {
        private let isReleased = Atomic(false)
        private let judgings = Atomic(0)

        var faultInjection: FaultInjection {
            FaultInjection { [self] moment in
                switch moment {
                case .training:
                    let end = ContinuousClock.now + .seconds(120)
                    while !isReleased.load(ordering: .acquiring), ContinuousClock.now < end {
                        usleep(1000)
                    }
                case .beforeTrainingEnds: judgings.wrappingAdd(1, ordering: .relaxed)
                default: break
                }
            }
        }

        var judged: Int { judgings.load(ordering: .relaxed) }
        func release() { isReleased.store(true, ordering: .releasing) }
    }

    @Test(
        "a training that is not done when it is to be judged holds nothing up, a restart in its course included, and the journal replays to the same state"
    )
    func beside() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let settings = ShopStream.overrides.filter { !$0.hasPrefix("batch.linger") }
        let configuration = try fixture.configuration(settings + ["store.commit_interval=20ms"])
        var shop = ShopStream(seed: 31)
        let held = HeldTraining()
        defer { held.release() }
        // It is to be judged at 750 examples; none of the others waits for that.
        try fixture.send(shop.next(1_500), partition: 0)
        let first = RunningDaemon(configuration, faultInjection: held.faultInjection)
        let control = try first.connect(fixture.store)
        try first.wait(control) { $0.events == 1_500 && $0.examples > 800 && $0.outbox == 0 }
        #expect(try fixture.read(fixture.recommendations).count == shop.clicks)
        #expect(held.judged == 0)
        _ = try first.stop()
        let again = HeldTraining()
        defer { again.release() }
        let second = RunningDaemon(configuration, faultInjection: again.faultInjection)
        let control2 = try second.connect(fixture.store)
        try fixture.send(shop.next(200), partition: 0)
        try second.wait(control2) { $0.events == 1_700 }
        #expect(again.judged == 0)
        again.release()
        // Judged before the first batch that finds it done.
        var sent = 1_700
        let end = ContinuousClock.now + .seconds(60)
        while again.judged == 0, ContinuousClock.now < end {
            try fixture.send(shop.next(1), partition: 0)
            sent += 1
            try second.wait(control2) { $0.events == sent }
        }
        #expect(again.judged > 0)
        try fixture.send(shop.next(100), partition: 0)
        try second.wait(control2) { $0.events == sent + 100 }
        let report = try second.stop()
        #expect(report.events.duplicates == 0)
        let result = try wholeReplay(of: fixture.store)
        #expect(result.result == .identical, "\(result.text)")
        #expect(result.events == sent + 100)
    }
}
