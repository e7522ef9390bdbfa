import KafkaStream
import Testing

@Suite("Configuration")
struct ConfigurationTests {
    private func configuration(_ client: [String: String]) -> KafkaConfiguration {
        KafkaConfiguration(brokers: "127.0.0.1:9", topics: ["clicks"], client: client)
    }

    /// The error that the settings are refused with.
    private func refusal(_ configuration: KafkaConfiguration) -> KafkaError? {
        do throws(KafkaError) {
            try configuration.validate()
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "reserved settings are refused by name, aliases included",
        arguments: [
            "group.id", "enable.auto.commit", "auto.commit.enable", "enable.auto.offset.store",
            "isolation.level", "auto.offset.reset", "enable.idempotence", "transactional.id",
            "partition.assignment.strategy", "bootstrap.servers", "metadata.broker.list",
            "test.mock.num.brokers", "enable.partition.eof",
        ])
    func reserved(key: String) throws {
        let error = try #require(refusal(configuration([key: "true"])))
        guard case .reservedKey(key) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(error.category == .configuration)
        #expect(error.description.contains(key))
    }

    @Test("every other setting of librdkafka passes through")
    func passThrough() throws {
        #expect(
            refusal(
                configuration([
                    "security.protocol": "sasl_ssl", "sasl.mechanisms": "SCRAM-SHA-512",
                    "sasl.username": "u", "sasl.password": "p", "socket.keepalive.enable": "true",
                    "fetch.wait.max.ms": "10", "compression.type": "zstd",
                ])) == nil)
    }

    @Test("an unknown setting and a wrong value are refused with the setting's name")
    func wrongSettings() throws {
        let unknown = try #require(refusal(configuration(["fetch.wait.max": "10"])))
        #expect(unknown.description.contains("kafka.client.fetch.wait.max"))
        let wrong = try #require(refusal(configuration(["fetch.wait.max.ms": "soon"])))
        #expect(wrong.description.contains("fetch.wait.max.ms"))
        #expect(wrong.category == .configuration)
        let zero = try #require(refusal(configuration(["client.id": "a\0b"])))
        #expect(zero.category == .configuration)
    }

    @Test("a setting that contradicts idempotence is a configuration error of the producer")
    func contradiction() throws {
        let error = try #require(throws: KafkaError.self) {
            _ = try KafkaProducer(configuration(["acks": "1"]))
        }
        #expect(error.category == .configuration)
    }

    @Test("secrets are in no error, no description and no dump")
    func secrets() throws {
        let secret = "s3cr3t-\"quoted\" value"
        let good = configuration(["sasl.username": "robin-user", "sasl.password": secret])
        var dumped = ""
        dump(good, to: &dumped)
        for text in ["\(good)", String(reflecting: good), dumped] {
            #expect(!text.contains("s3cr3t") && !text.contains("robin-user"))
            #expect(text.contains("sasl.password"))
        }
        for (key, value) in [
            ("ssl.key.pem", secret), ("ssl.keystore.password", secret),
            ("sasl.oauthbearer.config", secret), ("ssl.certificate.pem", secret),
        ] {
            let settings = [
                "security.protocol": "sasl_ssl", "sasl.mechanisms": "OAUTHBEARER", key: value,
                // Makes sure that there is an error to look at.
                "fetch.wait.max.ms": "soon",
            ]
            let error = try #require(refusal(configuration(settings)))
            #expect(!error.description.contains("s3cr3t"), "\(key)")
            var clean = settings
            clean["fetch.wait.max.ms"] = nil
            do throws(KafkaError) {
                _ = try KafkaProducer(configuration(clean))
            } catch {
                #expect(!error.description.contains("s3cr3t"), "\(key)")
            }
        }
    }

    @Test("what librdkafka says is shown without the secrets it quotes")
    func redaction() {
        let redactor = Redactor(client: [
            "sasl.password": "hunter22", "sasl.oauthbearer.config": "principal=admin7 scope=xyzzy",
            "client.id": "visible",
        ])
        #expect(
            redactor("login visible:hunter22 failed, beginning at: scope=xyzzy")
                == "login visible:*** failed, beginning at: ***=***")
    }

    @Test("shard, topics and bounds are checked")
    func bounds() {
        func refused(_ change: (inout KafkaConfiguration) -> Void) -> Bool {
            var configuration = configuration([:])
            change(&configuration)
            return refusal(configuration)?.category == .configuration
        }
        #expect(refused { $0.topics = [] })
        #expect(refused { $0.topics = ["a b"] })
        #expect(refused { $0.topics = ["a", "a"] })
        #expect(refused { $0.topics = [".."] })
        #expect(refused { $0.topics = [String(repeating: "x", count: 250)] })
        #expect(refused { $0.brokers = " " })
        #expect(refused { ($0.shards, $0.shard) = (2, 2) })
        #expect(refused { ($0.shards, $0.shard) = (2, -1) })
        #expect(refused { $0.shards = 0 })
        #expect(refused { $0.queueRecordsMax = 0 })
        #expect(refused { $0.monitorGroup = "" })
        #expect(!refused { ($0.shards, $0.shard) = (2, 1) })
    }
}
