import Foundation
import Testing

import Daemon

@Suite struct ConfigurationTests {
    private func load(
        _ yaml: String, environment: [String: String] = [:], _ overrides: String...
    ) throws -> Configuration {
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("\(UUID().uuidString).yaml").path
        try Data(yaml.utf8).write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        return try Configuration.load(file: file, environment: environment, overrides: overrides)
    }

    private func failure(_ yaml: String, _ overrides: String...) -> String {
        do {
            let file = FileManager.default.temporaryDirectory
                .appendingPathComponent("\(UUID().uuidString).yaml").path
            try Data(yaml.utf8).write(to: URL(fileURLWithPath: file))
            defer { try? FileManager.default.removeItem(atPath: file) }
            _ = try Configuration.load(file: file, environment: [:], overrides: overrides)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test("a rate at which offers close before their wait is over fails the check with 78")
    func rate() throws {
        let configuration = try Configuration.load(
            file: nil, environment: [:],
            overrides: [
                "model.base=\(ShopStream.base)", "attribution.open_max=1000",
                "store.path=/nonexistent/store",
            ])
        func attribution(_ rate: Double) throws -> ConfigurationCheck.Finding {
            try #require(
                ConfigurationCheck(configuration).run(connect: false, rate: rate)
                    .first { $0.what == "attribution" })
        }
        #expect(try attribution(0.2).status == .fine)
        let failed = try attribution(500)
        #expect(failed.status == .failed && failed.exitCode == 78)
        #expect(
            failed.message.contains("attribution.open_max") && failed.message.contains("1800000"),
            "said: \(failed.message)")
        // No rate makes it trap.
        for rate in [1e-300, 1e300, .greatestFiniteMagnitude] { _ = try attribution(rate) }
    }

    @Test("the example file is the one the program prints, with every key and its default")
    func exampleFile() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appendingPathComponent("deploy/tidemark.example.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(
            text == Configuration.example(),
            "run: .build/release/tidemark check --example > deploy/tidemark.example.yaml")
        #expect(try load(text).stored() == Configuration().stored())
    }

    @Test("an unknown key is named with its place and the nearest known key")
    func unknownKey() {
        let message = failure("lora:\n  rnak: 4\n")
        #expect(message.contains(":2: unknown key 'lora.rnak'; did you mean 'lora.rank'?"))
        #expect(
            failure("lroa:\n  rank: 4\n").contains("unknown section 'lroa'; did you mean 'lora'?"))
        #expect(failure("", "lora.rang=3").contains("--set lora.rang: unknown key"))
        #expect(failure("", "lora.rank").contains("expected section.key=value"))
    }

    @Test(
        "a value of the wrong type or out of range is refused with what it must be",
        arguments: [
            ("lora:\n  rank: many\n", "lora.rank must be a whole number from 1 to 256, not 'many'"),
            ("lora:\n  rank: 0\n", "lora.rank must be a whole number"),
            ("pricing:\n  epsilon: 1.5\n", "pricing.epsilon must be a number from 0 to 1"),
            ("pricing:\n  epsilon: .nan\n", "pricing.epsilon must be"),
            ("pricing:\n  kill_switch: maybe\n", "pricing.kill_switch must be true or false"),
            ("pricing:\n  depths: [0.1, 0.2]\n", "pricing.depths must be"),
            ("batch:\n  linger: 5 parsecs\n", "batch.linger must be a time"),
            ("store:\n  bytes_max: lots\n", "store.bytes_max must be a number of bytes"),
            ("kafka:\n  topics: []\n", "kafka.topics must be"),
            ("http:\n  port: 70000\n", "http.port must be a whole number from 0 to 65535"),
            ("kafka:\n  shard: 3\n", "kafka.shard (3) must be below kafka.shards (1)"),
            (
                "lora:\n  method: houlsby\n  targets: [output, query]\n",
                "lora.targets must not hold query: lora.method houlsby changes attention_output and output alone"
            ),
            ("lora:\n  method: houlsby\n  dropout: 0.1\n", "lora.dropout must be 0"),
            ("lora:\n  method: adapter\n", "lora.method must be one of lora, houlsby"),
            ("kafka:\n  topics: [discount-recommendations]\n", "which Tidemark itself writes to"),
            ("lora: 7\n", "'lora' must be a map of keys"),
            ("- a\n- b\n", "must be a map of sections"),
            ("lora: [\n", "not YAML"),
        ])
    func wrongValue(yaml: String, message: String) {
        #expect(failure(yaml).contains(message), "said: \(failure(yaml))")
    }

    @Test("--set wins over the environment, the environment over the file")
    func precedence() throws {
        let yaml = "lora:\n  rank: 2\n  alpha: 3\nbatch:\n  events: 7\n"
        let environment = ["TIDEMARK_LORA_RANK": "4", "TIDEMARK_BATCH_EVENTS": "9"]
        let configuration = try load(yaml, environment: environment, "batch.events=11")
        #expect(configuration.lora.rank == 4)
        #expect(configuration.lora.alpha == 3)
        #expect(configuration.batch.events == 11)
    }

    @Test("a misspelt environment variable is an error that names the nearest key")
    func unknownVariable() {
        func failure(_ environment: [String: String], _ overrides: String...) -> String {
            do {
                _ = try Configuration.load(
                    file: nil, environment: environment, overrides: overrides)
                return "no error"
            } catch { return "\(error)" }
        }
        #expect(
            failure(["TIDEMARK_KAFKA_BROKER": "a:1"])
                == "environment TIDEMARK_KAFKA_BROKER: no key of the configuration has this name; did you mean 'TIDEMARK_KAFKA_BROKERS'?"
        )
        #expect(failure(["TIDEMARK_KAKFA_BROKERS": "a:1"]).contains("'TIDEMARK_KAFKA_BROKERS'"))
        #expect(failure(["TIDEMARK_MODEL": "/m", "TIDEMARK_TEST_BROKERS": "b"]) == "no error")
        // A secret that the configuration itself asks for.
        let secret = ["TIDEMARK_KAFKA_PASSWORD": "hunter2"]
        #expect(
            failure(secret, "kafka.client={sasl.password: {env: TIDEMARK_KAFKA_PASSWORD}}")
                == "no error")
        #expect(failure(secret).contains("TIDEMARK_KAFKA_PASSWORD"))
        #expect(!failure(secret).contains("hunter2"))
    }

    @Test("variables that Kubernetes makes for a service called tidemark are nobody's setting")
    func serviceLinks() throws {
        let configuration = try load(
            "http:\n  port: 9464\n",
            environment: [
                "TIDEMARK_SERVICE_HOST": "10.0.0.1", "TIDEMARK_SERVICE_PORT": "9464",
                "TIDEMARK_SERVICE_PORT_HTTP": "9464", "TIDEMARK_PORT": "tcp://10.0.0.1:9464",
                "TIDEMARK_PORT_9464_TCP": "tcp://10.0.0.1:9464",
                "TIDEMARK_PORT_9464_TCP_PROTO": "tcp", "TIDEMARK_PORT_9464_TCP_ADDR": "10.0.0.1",
                "TIDEMARK_HTTP_PORT": "tcp://10.0.0.1:9464",
                "TIDEMARK_HTTP_PORT_9464_TCP_PORT": "9464",
                "TIDEMARK_HTTP_SERVICE_HOST": "10.0.0.1",
            ])
        #expect(configuration.http.port == 9464)
    }

    @Test("every name of an environment variable in scripts, sources and tests is known")
    func variablesOfTheProject() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        var names: Set<String> = []
        for folder in ["Sources", "Tests", "deploy"] {
            let files = FileManager.default.enumerator(atPath: root.path + "/" + folder)
            while let name = files?.nextObject() as? String {
                guard !name.contains("Fixtures"), !name.hasSuffix("ConfigurationTests.swift"),
                    let text = try? String(
                        contentsOfFile: root.path + "/\(folder)/\(name)", encoding: .utf8)
                else { continue }
                for match in text.matches(of: /\bTIDEMARK_[A-Z0-9]+(_[A-Z0-9]+)*\b/) {
                    names.insert(String(match.output.0))
                }
            }
        }
        #expect(names.contains("TIDEMARK_MODEL"))
        // Of explanations, of C's include guards, of tests of misspellings.
        let words: Set<String> = [
            "TIDEMARK_SECTION_KEY", "TIDEMARK_POSTERIOR_H", "TIDEMARK_KAFKA_BROKER",
            "TIDEMARK_PORT_9464_TCP", "TIDEMARK_SERVICE_HOST",
        ]
        for name in names.subtracting(words).sorted() {
            do {
                _ = try Configuration.load(
                    file: nil, environment: [name: ""], overrides: [])
            } catch {
                #expect(
                    !"\(error)".contains("no key of the configuration"),
                    "\(name) belongs into EnvironmentNames")
            }
        }
    }

    @Test("all problems are found at once; the first says how many more there are")
    func severalProblems() throws {
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("\(UUID().uuidString).yaml").path
        try Data("lora:\n  rank: 0\n  rnak: 3\nkafak: {}\nkafka:\n  shard: 3\n".utf8)
            .write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        let (configuration, problems) = Configuration.read(
            file: file, environment: ["TIDEMARK_BATCH_EVENT": "3"],
            overrides: ["log.format=json", "batch.events=many"])
        #expect(
            problems.map(\.place) == [
                "\(file):2", "\(file):3", "\(file):4", "--set batch.events",
                "environment TIDEMARK_BATCH_EVENT", "configuration",
            ])
        // What could be read counts.
        #expect(configuration.log.format == .json && configuration.kafka.shard == 3)
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationError.throwFirst(of: problems)
        }
        #expect(error.description.hasSuffix("; and 5 more problems, which 'tidemark check' lists"))
    }

    @Test("a few lines of YAML that stand for billions of values take neither memory nor time")
    func aliases() {
        var yaml = "a: &a [x, x, x, x, x, x, x, x, x]\n"
        for (name, before) in zip("bcdefghij", "abcdefghi") {
            yaml +=
                "\(name): &\(name) [\((0..<9).map { _ in "*\(before)" }.joined(separator: ", "))]\n"
        }
        #expect(failure(yaml).contains("aliases of YAML are not read"))
        // What looks like one, and is a value.
        #expect(!failure("store:\n  path: 'x &a y *b z'\n").contains("alias"))
        #expect(failure(String(repeating: "[", count: 100_000)).contains("not YAML"))
        #expect(
            failure("# " + String(repeating: "x", count: 2 << 20)).contains("more than 1 MiB"))
    }

    @Test("what a text holds is stored so that it reads back, control characters too")
    func storedTexts() throws {
        for text in ["a\u{1b}[0m", "tab\tand\u{7f}", "é\u{2028}\u{85}", "\\ \"", "👩‍🍳"] {
            var configuration = Configuration()
            configuration.store.path = text
            let again = try Configuration(stored: configuration.stored(), place: "stored")
            #expect(again.store.path == text)
        }
    }

    @Test("a missing file is an error that names it")
    func missingFile() {
        #expect(throws: ConfigurationError.self) {
            try Configuration.load(file: "/nowhere/t.yaml", environment: [:], overrides: [])
        }
    }

    @Test("what is stored reads back as the same configuration, and holds no secret")
    func storedConfiguration() throws {
        let original = try load(
            """
            kafka:
              brokers: "a:1,b:2"
              topics: [clicks, {name: rows, type: outcome}]
              client: {"sasl.password": "hunter2", "compression.type": zstd}
            pricing:
              cost_fraction: 0.6
              depths: [0, 0.07, 0.3]
            attribution:
              window: 36h
            """)
        let text = original.stored()
        #expect(!text.contains("hunter2"))
        let again = try Configuration(stored: text, place: "test")
        #expect(again.stored() == text)
        #expect(again.kafka.topics == original.kafka.topics)
        #expect(again.pricing.costFraction == 0.6)
        #expect(again.attribution.windowMs == 36 * 3_600_000)
    }

    @Test(
        "sizes and times are read with their units",
        arguments: [
            ("0", 0), ("250ms", 250), ("5s", 5_000), ("10m", 600_000), ("24h", 86_400_000),
            ("7d", 604_800_000),
        ])
    func durations(text: String, milliseconds: Int) {
        #expect(parseDuration(text) == milliseconds)
        #expect(ByteSize.bytes("256MiB") == 268_435_456)
        #expect(ByteSize.bytes("12XB") == nil)
    }

    @Test("secrets come from files or the environment and are never shown, in errors neither")
    func secrets() throws {
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("\(UUID().uuidString).secret").path
        try Data("hunter2-file\n".utf8).write(to: URL(fileURLWithPath: file))
        for (mode, kafka) in [
            (0o644, "sasl.password: {file: \(file)}"), (0o640, "ssl.key.location: \(file)"),
        ] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
            let open = try load("kafka:\n  client: {\(kafka)}\n")
            let error = try #require(throws: ConfigurationError.self) {
                _ = try open.kafkaConfiguration()
            }
            #expect("\(error)".contains("others can read \(file)"), "\(error)")
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let configuration = try load(
            """
            kafka:
              client:
                sasl.password: {file: \(file)}
                sasl.username: {env: PATH}
                ssl.key.password: hunter2-inline
                security.protocol: sasl_ssl
                sasl.mechanism: PLAIN
            """)
        let client = try configuration.kafkaConfiguration().client
        #expect(client["sasl.password"] == "hunter2-file")
        #expect(client["sasl.username"] == ProcessInfo.processInfo.environment["PATH"])
        let stored = configuration.stored()
        #expect(!stored.contains("hunter2") && stored.contains(file))
        #expect(try Configuration(stored: stored, place: "stored").stored() == stored)
        let missing = try load("kafka:\n  client: {sasl.password: {file: /nowhere/secret}}\n")
        let error = try #require(throws: ConfigurationError.self) {
            _ = try missing.kafkaConfiguration()
        }
        #expect("\(error)".contains("kafka.client.sasl.password"))
        #expect("\(error)".contains("/nowhere/secret"))
        for broken in [
            "kafka:\n  client: {sasl.password: hunter2\n",
            "kafka:\n  client: {sasl.password: [hunter2]}\n", "kafka: {client: hunter2}\n",
        ] {
            #expect(!failure(broken).contains("hunter2"), "\(failure(broken))")
        }
        #expect(!failure("", "kafka.client={sasl.password: hunter2").contains("hunter2"))
    }
}
