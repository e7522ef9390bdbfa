import Daemon

/// Any text as a configuration: as a file, as values of `--set`, as values of the environment.
///
/// It is refused by name or accepted; what is accepted reads back from what is stored of it as the same.
enum ConfigurationTarget: FuzzTarget {
    static let name = "configuration"

    static func run(_ bytes: UnsafeRawBufferPointer) {
        let text = unsafe String(decoding: bytes, as: UTF8.self)
        asFile(text)
        let lines = text.split(separator: "\n").prefix(16).map(String.init)
        var environment: [String: String] = [:]
        for line in lines {
            guard let equals = line.firstIndex(of: "=") else { continue }
            let key = line[..<equals].uppercased().replacing(".", with: "_")
            environment["TIDEMARK_" + key] = String(line[line.index(after: equals)...])
        }
        let cases: [(overrides: [String], environment: [String: String])] = [
            (lines, [:]), ([], environment),
        ]
        for given in cases {
            let (configuration, problems) = Configuration.read(
                file: nil, environment: given.environment, overrides: given.overrides)
            precondition(problems.allSatisfy { !$0.place.isEmpty && !$0.message.isEmpty })
            if problems.isEmpty { requireSame(configuration) }
        }
    }

    private static func asFile(_ text: String) {
        do throws(ConfigurationError) {
            requireSame(try Configuration(stored: text, place: "fuzz.yaml"))
        } catch {
            precondition(error.description.hasPrefix("fuzz.yaml"), "no place: \(error)")
        }
    }

    private static func requireSame(_ configuration: Configuration) {
        let stored = configuration.stored()
        do throws(ConfigurationError) {
            let again = try Configuration(stored: stored, place: "stored").stored()
            precondition(again == stored, "read back as another one")
        } catch { preconditionFailure("what was stored is refused: \(error)") }
    }

    static let seeds: [[UInt8]] = [
        "lora:\n  rank: 4\n  targets: [query, value]\nbatch: {events: 7, linger: 250ms}\n",
        "kafka:\n  topics: [a, {name: b, type: item, ignore_types: [x], tombstones: ignore}]\n",
        "kafka:\n  client: {sasl.password: {file: p}, ssl.ca.location: {env: N}, a: \"b\\\\\"}\n",
        "pricing:\n  depths: [0, 0.1]\n  confidence: null\nstore:\n  bytes_max: 64GiB\n",
        "a: &a [x]\nb: [*a, *a]\n", "lora.rank=8\nkafka.topics=[{name: a}]\nhttp.port=tcp://x\n",
        "store.path='é\u{2028}'\nlog.format=json\npricing.depths=[0,.5]\n",
    ].map { Array($0.utf8) }
}
