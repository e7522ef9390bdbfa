import Events
import Records

/// The record that is read.
final class CurrentRecord {
    var record: SourceRecord

    init(_ record: SourceRecord) { self.record = record }
}

/// What the sources of a rule read from.
struct Scope {
    /// Shared, since it is copied more often than it is asked.
    let current: CurrentRecord
    /// The document, or what its envelope holds.
    let body: JSONNode?
    /// The document, or the envelope in it.
    let envelope: JSONNode
    /// Whether the envelope's attributes are headers of the record.
    var hasHeaderAttributes = false
    /// Which document of the record, from 0.
    let document: Int
    var element: JSONNode?
    /// Which element of the rule's array, from 0.
    var index = 0
    /// The code that amounts are in.
    var currency = ""

    var record: SourceRecord { current.record }

    subscript(_ start: ValuePath.Start) -> JSONNode? {
        switch start {
        case .body: body
        case .element: element
        case .envelope: envelope
        }
    }

    /// The value of a header; the last one, where there are several of a name.
    func header(_ name: String) -> String? {
        record.headers.last { $0.name.utf8.elementsEqual(name.utf8) }
            .flatMap { String(validating: $0.value, as: UTF8.self) }
    }
}

/// Why an element of a record is no event.
struct MappingFault: Error {
    var field: String?
    var message: String
    var code: String

    static func invalid(_ message: String) -> MappingFault {
        MappingFault(message: message, code: "invalid_field")
    }
}
