import ControlPlane
import KafkaStream

/// Whether a daemon keeps up with its stream: a pure decision.
package struct Readiness: Sendable {
    /// Records behind the stream's end that are borne.
    let lagMax: Int64
    /// How long brokers may be away.
    let graceMs: Int64

    package init(lagMax: Int64, graceMs: Int64) {
        self.lagMax = lagMax
        self.graceMs = graceMs
    }

    package func verdict(_ consumer: ConsumerStatus) -> Verdict {
        if let ms = consumer.withoutBrokerMs, ms > graceMs {
            let reason = consumer.brokerError.map { " (\($0))" } ?? ""
            return Verdict(
                false,
                "not ready: no broker has answered for \(ms / 1000) s, longer than "
                    + "http.broker_grace (\(Duration.text(Int(graceMs))))\(reason); how far "
                    + "behind learning is is not known")
        }
        if let (position, ms) = consumer.unserved, ms > graceMs {
            return Verdict(
                false,
                "not ready: \(position) has had no broker for \(ms / 1000) s, longer than "
                    + "http.broker_grace (\(Duration.text(Int(graceMs))))")
        }
        let lag = consumer.lastKnownLag
        guard lag <= lagMax else {
            return Verdict(
                false, "not ready: \(lag) records behind, more than http.ready_lag (\(lagMax))")
        }
        return consumer.lag == nil
            ? Verdict(true, "ready: \(lag) records behind when a broker last answered")
            : Verdict(true, "ready: \(lag) records behind")
    }
}
