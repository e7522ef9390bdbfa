import CRdKafka

/// The librdkafka that this process runs on, which need not be the one it was built with.
public enum LibraryVersion {
    /// As `2.0.2`.
    public static var text: String {
        unsafe rd_kafka_version_str().map { unsafe String(cString: $0) } ?? "unknown"
    }

    /// Whether SCRAM works: before 2.6.1 the client's nonce is sent twice, which brokers from Kafka 3.9 and
    /// 4 on refuse.
    ///
    /// Source: librdkafka's change log, v2.6.1.
    /// - Parameter version: 0xMMmmrrxx, as `rd_kafka_version` gives it.
    package static func isSound(version: Int32) -> Bool { version >= 0x0206_0100 }

    /// What there is to say where a client authenticates with SCRAM on a library that cannot;
    /// nil where nothing is.
    public static func warning(client: [String: String]) -> String? {
        warning(client: client, version: rd_kafka_version(), text: text)
    }

    /// The same for a version that is given.
    ///
    /// - Parameter version: 0xMMmmrrxx.
    package static func warning(
        client: [String: String], version: Int32, text: String
    ) -> String? {
        let keys = ["sasl.mechanism", "sasl.mechanisms"]
        guard
            let mechanism = keys.compactMap({ client[$0] }).first(where: {
                $0.uppercased().hasPrefix("SCRAM")
            }), !isSound(version: version)
        else { return nil }
        return "kafka.client.sasl.mechanism is \(mechanism), and librdkafka \(text) cannot log in "
            + "with it at brokers that check its nonce, as Kafka 4 does: run with librdkafka 2.6.1 "
            + "or newer (LD_LIBRARY_PATH), or use PLAIN over TLS"
    }
}
