import Foundation

/// Any JSON value, for metrics that the store keeps as text.
package enum MetricsJSON: Codable, Sendable, Equatable {
    case null, bool(Bool), number(Double), string(String), array([MetricsJSON])
    case object([String: MetricsJSON])

    package init(text: String) {
        let decoded = try? JSONDecoder().decode(MetricsJSON.self, from: Data(text.utf8))
        self = decoded ?? .string(text)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([MetricsJSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: MetricsJSON].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// Every number in it with the path that leads there, in order.
    package var numbers: [(path: String, value: Double)] {
        switch self {
        case .number(let value): [("", value)]
        case .array(let values):
            values.enumerated().flatMap { index, value in
                value.numbers.map {
                    ("\(index)" + ($0.path.isEmpty ? "" : "." + $0.path), $0.value)
                }
            }
        case .object(let fields):
            fields.sorted { $0.key < $1.key }.flatMap { name, value in
                value.numbers.map { (name + ($0.path.isEmpty ? "" : "." + $0.path), $0.value) }
            }
        case .null, .bool, .string: []
        }
    }
}
