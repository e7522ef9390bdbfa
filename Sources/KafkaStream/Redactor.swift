/// Takes secrets out of texts that come from librdkafka.
///
/// librdkafka quotes settings in some of its messages, so every text of it passes through here.
package struct Redactor: Sendable {
    private let secrets: [String]

    /// Remembers the values of the settings that are secret, and the pieces of those that are
    /// lists.
    package init(client: [String: String]) {
        var found: Set<String> = []
        for (key, value) in client where Self.isSecret(key) {
            // Settings that are lists of pairs are quoted in part.
            let pieces = value.split(whereSeparator: { " ,=\"'".contains($0) }).map(String.init)
            // Very short texts would blank out ordinary words.
            found.formUnion(pieces.filter { $0.utf8.count >= 4 })
            if value.utf8.count >= 3 { found.insert(value) }
        }
        // The longest go first, for one may contain another.
        secrets = found.sorted { ($1.utf8.count, $0) < ($0.utf8.count, $1) }
    }

    /// Whether the setting's value must never be shown.
    static func isSecret(_ key: String) -> Bool {
        let marks = [
            "password", "secret", "pem", "ssl.key", "ssl_key", "jaas", "token", "username",
            "oauthbearer", "kinit", "keytab", "principal",
        ]
        let lowered = key.lowercased()
        return marks.contains { lowered.contains($0) }
    }

    /// The text with `***` for every secret in it.
    package func callAsFunction(_ text: String) -> String {
        secrets.reduce(text) { $0.replacing($1, with: "***") }
    }
}
