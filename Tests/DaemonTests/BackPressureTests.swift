import Daemon
import Foundation
import KafkaStream
import Testing

@Suite(.serialized) struct BackPressureTests {
    @Test(
        "with more to publish than may wait, learning waits for the brokers and answers meanwhile; then all of it is published",
        .disabled(if: DaemonFixture.isReal))
    func outbox() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let broker = try #require(fixture.embedded)
        let (clicks, most, batch) = (3000, 1000, 200)
        let ts = nowMs() - 60_000
        try fixture.send(
            [
                """
                {"type":"item","event_id":"i","ts":\(ts - 1),"item_id":"kettle","title":"Kettle",\
                "price":20,"cost":5}
                """
            ]
                + (0..<clicks).map {
                    """
                    {"type":"click","event_id":"c-\($0)","ts":\(ts + Int64($0)),"user_id":"u\($0)",\
                    "item_id":"kettle","price":20}
                    """
                }, partition: 0)
        let refused = try #require(BrokerErrorCode(name: "NOT_ENOUGH_REPLICAS"))
        try broker.apply(.requestErrors(api: .produce, error: refused, count: 100_000))
        let daemon = RunningDaemon(
            try fixture.configuration(
                "publish.outbox_max=\(most)", "batch.events=\(batch)", "store.commit_events=1"))
        let control = try daemon.connect(fixture.store)
        try daemon.wait(control) { $0.outbox >= most }
        // However often it is asked, not one batch more is learned.
        for _ in 0..<20 {
            let status = try daemon.status(control)
            #expect(status.outbox < most + batch && status.events <= 1 + most + batch)
        }
        #expect(try fixture.read(fixture.recommendations).isEmpty)
        try broker.apply(.clearRequestErrors(api: .produce))
        try daemon.wait(control) { $0.events == 1 + clicks && $0.outbox == 0 }
        _ = try daemon.stop()
        let users = try fixture.read(fixture.recommendations).map { $0.key ?? [] }
        #expect(users.count == clicks && Set(users).count == clicks)
    }
}
