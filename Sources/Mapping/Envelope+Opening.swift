import Events
import Records

extension Mapping.Envelope {
    /// Finds what an envelope holds.
    func open(
        _ document: JSONNode, _ current: CurrentRecord, _ index: Int
    ) -> Result<Scope, MappingFault> {
        switch self {
        case .none:
            return .success(
                Scope(current: current, body: document, envelope: document, document: index))
        case .cloudevents: return cloudEvent(document, current, index)
        case .debezium:
            let envelope = document.object("payload") ?? document
            // A row that was taken out of its envelope before stands for itself.
            let isRow = envelope.child("op") == nil && envelope.child("after") == nil
            let body =
                envelope.object("after") ?? envelope.object("before") ?? (isRow ? envelope : nil)
            return .success(
                Scope(current: current, body: body, envelope: envelope, document: index))
        }
    }

    /// Source: CloudEvents 1.0.2, Kafka protocol binding, sections 3.2 and 3.3.
    private func cloudEvent(
        _ document: JSONNode, _ current: CurrentRecord, _ index: Int
    ) -> Result<Scope, MappingFault> {
        var scope = Scope(
            current: current, body: document, envelope: document, document: index)
        if scope.header("ce_specversion") != nil {
            scope.hasHeaderAttributes = true
            return .success(scope)
        }
        guard document.child("specversion") != nil else {
            return .failure(
                MappingFault(
                    field: "specversion",
                    message:
                        "specversion: is missing, and there is no header ce_specversion: this is no CloudEvent",
                    code: "no_envelope"))
        }
        if document.child("data_base64") != nil {
            return .failure(
                MappingFault(
                    field: "data_base64",
                    message: "data_base64: binary data are not read, JSON in data is",
                    code: "no_envelope"))
        }
        return .success(
            Scope(
                current: current, body: document.child("data"), envelope: document,
                document: index))
    }
}

extension JSONNode {
    /// The member of this key that is not null.
    fileprivate func child(_ key: StaticString) -> JSONNode? {
        guard shape == .object else { return nil }
        return key.withUTF8Buffer { text in
            children.first { unsafe $0.shape != .null && $0.keyBytes.elementsEqual(text) }
        }
    }

    fileprivate func object(_ key: StaticString) -> JSONNode? {
        child(key).flatMap { $0.shape == .object ? $0 : nil }
    }
}
