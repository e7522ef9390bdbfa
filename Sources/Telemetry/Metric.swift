/// One figure as it is now, with all its labelled samples.
public struct Metric: Sendable, Equatable {
    /// How the figure changes, in Prometheus' terms.
    public enum Kind: String, Sendable {
        /// Only ever rises while the store lives.
        case counter
        /// Rises and falls.
        case gauge
    }

    /// One value with what tells it from the others of its metric.
    public struct Sample: Sendable, Equatable {
        /// In the order they are written in.
        public let labels: [(name: String, value: String)]
        /// Not finite ones are written as Prometheus has them.
        public let value: Double

        /// By default without labels.
        public init(_ value: Double, _ labels: [(name: String, value: String)] = []) {
            self.value = value
            self.labels = labels
        }

        /// Also by the order of the labels; a value that is NaN equals none.
        public static func == (a: Self, b: Self) -> Bool {
            a.value == b.value
                && a.labels.elementsEqual(b.labels) { $0.name == $1.name && $0.value == $1.value }
        }
    }

    /// Without the prefix that all have.
    public let name: String
    /// How the figure changes.
    public let kind: Kind
    /// One line.
    public let help: String
    /// One for each set of labels; without any the metric is left out of the text.
    public let samples: [Sample]

    /// Takes each field as it is.
    public init(_ kind: Kind, _ name: String, _ help: String, _ samples: [Sample]) {
        self.kind = kind
        self.name = name
        self.help = help
        self.samples = samples
    }

    /// A metric of one sample without labels.
    public init(_ kind: Kind, _ name: String, _ help: String, _ value: Double) {
        self.init(kind, name, help, [Sample(value)])
    }

    /// One sample for each entry, in the order of the names.
    ///
    /// - Parameter known: entries that are there from the beginning, at 0: only so is the first event a
    ///   rise.
    public init(
        _ kind: Kind, _ name: String, _ help: String, by label: String, _ values: [String: Double],
        known: [String] = []
    ) {
        let zeros = Dictionary(known.map { ($0, 0.0) }, uniquingKeysWith: { first, _ in first })
        self.init(
            kind, name, help,
            zeros.merging(values) { $1 }.sorted { $0.key < $1.key }
                .map { Sample($0.value, [(label, $0.key)]) })
    }
}

/// Prometheus' text format.
///
/// Source: Prometheus exposition formats, text format 0.0.4.
public enum Exposition {
    /// What the answer that carries the text must be called.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"
    private static let prefix = "tidemark_"
    /// Figures that every process has, under the names that Prometheus' own clients give them.
    private static let processPrefix = "process_"

    /// The metrics in the order given, each with its help and its kind; all but those of the process have
    /// the prefix `tidemark_`.
    public static func text(_ metrics: [Metric]) -> String {
        var text = ""
        for metric in metrics where !metric.samples.isEmpty {
            let name =
                metric.name.hasPrefix(processPrefix) ? metric.name : prefix + metric.name
            text += "# HELP \(name) \(escaped(metric.help, quotes: false))\n"
            text += "# TYPE \(name) \(metric.kind.rawValue)\n"
            for sample in metric.samples {
                text += name + labels(sample.labels) + " \(number(sample.value))\n"
            }
        }
        return text
    }

    private static func labels(_ labels: [(name: String, value: String)]) -> String {
        guard !labels.isEmpty else { return "" }
        let pairs = labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }
        return "{" + pairs.joined(separator: ",") + "}"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
        return quotes ? escaped.replacing("\"", with: "\\\"") : escaped
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }
}
