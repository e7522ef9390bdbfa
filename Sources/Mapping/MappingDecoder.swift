import Events
import Records

/// What one element of a record came to.
package struct MappedElement: Sendable {
    package enum Outcome: Sendable {
        case event(Event)
        /// What a rule, or no rule, takes no interest in.
        case ignored
        /// - `code`: a short stable name, for counting.
        case refused(reason: String, code: String, field: String?)
    }

    /// Which one of the record, from 0.
    package let index: Int
    /// The rule that took it.
    package let rule: String?
    package let outcome: Outcome
    /// Tidemark's own JSON of it, where the decoder was asked to keep it.
    package let written: [UInt8]?
}

/// Turns records into events by a mapping. No input makes it trap.
///
/// Each element is put together as the event's fields, and `EventDecoder` reads them as it reads
/// JSON: so events of every shape are held to the same rules.
///
/// Thread: one at a time; keep one a thread.
package final class MappingDecoder {
    package let mapping: Mapping
    /// Whether elements carry what was written of them.
    package var keepsWritten = false

    private let decoder: EventDecoder
    private let documents: RecordDocuments
    private let fields = NodeWriter()
    private var current: CurrentRecord?

    package init(_ mapping: Mapping, _ decoder: EventDecoder) {
        self.mapping = mapping
        self.decoder = decoder
        documents = RecordDocuments(
            format: mapping.format, columns: mapping.columns,
            parser: JSONParser(names: mapping.names))
    }

    /// What a record comes to, in the order of its elements: at least one, and never more than
    /// `Mapping.elementsMax`.
    ///
    /// - Parameters:
    ///   - record: with a value.
    ///   - clockMs: when it was read; `nil` where there is no clock to hold times against.
    package func decode(_ record: SourceRecord, clockMs: Int64?) -> [MappedElement] {
        var run = Run(current: renewed(record), clockMs: clockMs)
        do throws(EventError) {
            guard let value = record.value else { throw .tombstone }
            // The parser copies what it is given, so its nodes outlive the closure.
            try unsafe value.withUnsafeBufferPointer { buffer throws(EventError) in
                let bytes = unsafe try decoder.limits.document(UnsafeRawBufferPointer(buffer))
                unsafe try documents.forEach(bytes) { index, document throws(EventError) in
                    switch document {
                    case .success(let node): try take(node, index, &run)
                    case .failure(let error): try run.refuse(error, document: index)
                    }
                }
            }
        } catch {
            return [
                MappedElement(
                    index: 0, rule: nil,
                    outcome: .refused(
                        reason: UnreadableBody.reason(error, record.value), code: error.code,
                        field: error.field), written: nil)
            ]
        }
        if run.elements.isEmpty {
            return [MappedElement(index: 0, rule: nil, outcome: .ignored, written: nil)]
        }
        return run.elements
    }

    /// One holder serves all records: nobody keeps a scope beyond a call.
    private func renewed(_ record: SourceRecord) -> CurrentRecord {
        if let current {
            current.record = record
            return current
        }
        let made = CurrentRecord(record)
        current = made
        return made
    }

    private func take(
        _ document: JSONNode, _ index: Int, _ run: inout Run
    ) throws(EventError) {
        let scope: Scope
        switch mapping.envelope.open(document, run.current, index) {
        case .success(let opened): scope = opened
        case .failure(let fault): return try run.refuse(fault, rule: nil, document: index)
        }
        for rule in mapping.rules where rule.takes(scope) {
            return try apply(rule, scope, &run)
        }
        switch mapping.otherwise {
        case .ignore: try run.ignore(nil)
        case .deadLetter:
            let fault = MappingFault(
                field: nil, message: "no rule takes it", code: "no_rule")
            try run.refuse(fault, rule: nil, document: index)
        }
    }

    private func apply(
        _ rule: Rule, _ scope: Scope, _ run: inout Run
    ) throws(EventError) {
        switch rule.outcome {
        case .ignore: try run.ignore(rule.name)
        case .deadLetter(let reason):
            let fault = MappingFault(field: nil, message: reason, code: "refused_by_rule")
            try run.refuse(fault, rule: rule.name, document: scope.document)
        case .event(let type, let object):
            guard let each = rule.each else {
                begin(type)
                return try take(object, rule, scope, &run)
            }
            var elements: [JSONNode] = []
            do throws(MappingFault) {
                elements = try each.elements(in: scope)
            } catch {
                return try run.refuse(error, rule: rule.name, document: scope.document)
            }
            try fanOut(rule, type, object, elements, scope, &run)
        }
    }

    /// What is the same for all elements is written once.
    private func fanOut(
        _ rule: Rule, _ type: EventType, _ object: ObjectRule, _ elements: [JSONNode],
        _ scope: Scope,
        _ run: inout Run
    ) throws(EventError) {
        var scope = scope
        begin(type)
        var isWhole = true
        do throws(MappingFault) {
            try fields.write(rule.fixed, scope, rate: 1, placing: keepsWritten ? nil : decoder)
        } catch {
            isWhole = false
        }
        // Where the shared part is wrong each element says so itself.
        if !isWhole { begin(type) }
        let varying = isWhole ? rule.varying : object
        let mark = fields.mark
        decoder.keepPlaces()
        let before = run.elements.count
        run.begin(elements.count)
        for (index, child) in elements.enumerated() {
            scope.element = child
            scope.index = index
            guard rule.filter?.holds(scope) ?? true else { continue }
            fields.goBack(to: mark)
            decoder.goBackToKeptPlaces()
            try take(varying, rule, scope, &run)
        }
        if run.elements.count == before { try run.ignore(rule.name) }
    }

    private func begin(_ type: EventType) {
        fields.begin()
        decoder.beginPlacing()
        fields.add(type.rawValue, as: .field(.type))
    }

    /// - Parameter open: what is not written yet.
    private func take(
        _ open: ObjectRule, _ rule: Rule, _ scope: Scope, _ run: inout Run
    ) throws(EventError) {
        let name = rule.name
        let index = scope.element == nil ? nil : scope.index
        let placing = keepsWritten ? nil : decoder
        do throws(MappingFault) {
            if mapping.currencies == nil {
                try fields.write(open, scope, rate: 1, placing: placing)
            } else {
                var scope = scope
                let rate = try mapping.rate(of: rule, &scope)
                try fields.write(open, scope, rate: rate, placing: placing)
            }
        } catch {
            return try run.refuse(error, rule: name, element: index, document: scope.document)
        }
        do throws(EventError) {
            try run.add(
                .event(
                    try decoder.decode(
                        fields, timestampMs: run.timestampMs, clockMs: run.clockMs)),
                rule: name, written: keepsWritten ? fields.json : nil)
        } catch {
            if case .tooManyElements = error { throw error }
            let source = error.field.flatMap { rule.source(of: $0) }
            let fault = MappingFault(
                field: error.field,
                message: "\(error)" + (source.map { " (from \($0))" } ?? ""), code: error.code)
            try run.refuse(
                fault, rule: name, element: index, document: scope.document,
                written: keepsWritten ? fields.json : nil)
        }
    }
}

extension MappingDecoder {
    /// What a record came to so far.
    private struct Run {
        let current: CurrentRecord
        let timestampMs: Int64?
        let clockMs: Int64?
        private(set) var elements: [MappedElement] = []

        init(current: CurrentRecord, clockMs: Int64?) {
            self.current = current
            timestampMs = current.record.timestampMs
            self.clockMs = clockMs
        }

        /// Makes room for the first elements of a record; further ones find it as they come.
        mutating func begin(_ count: Int) {
            if elements.isEmpty { elements.reserveCapacity(min(count, Mapping.elementsMax)) }
        }

        mutating func add(
            _ outcome: consuming MappedElement.Outcome, rule: consuming String?,
            written: consuming [UInt8]? = nil
        ) throws(EventError) {
            guard elements.count < Mapping.elementsMax else {
                throw .tooManyElements(countMax: Mapping.elementsMax)
            }
            elements.append(
                MappedElement(
                    index: elements.count, rule: rule, outcome: outcome, written: written))
        }

        mutating func ignore(_ rule: String?) throws(EventError) {
            try add(.ignored, rule: rule)
        }

        mutating func refuse(_ error: EventError, document: Int) throws(EventError) {
            let fault = MappingFault(field: error.field, message: "\(error)", code: error.code)
            try refuse(fault, rule: nil, document: document)
        }

        mutating func refuse(
            _ fault: MappingFault, rule: String?, element: Int? = nil, document: Int = 0,
            written: [UInt8]? = nil
        ) throws(EventError) {
            var places = ["topic '\(current.record.position.topic)'"]
            if document > 0 { places.append("document \(document + 1)") }
            if let rule { places.append("rule '\(rule)'") }
            if let element { places.append("element \(element + 1)") }
            let reason = places.joined(separator: ", ") + ": " + fault.message
            try add(
                .refused(reason: reason, code: fault.code, field: fault.field), rule: rule,
                written: written)
        }
    }
}

extension Mapping {
    /// What amounts are to be multiplied by, so that they are in the shop's currency.
    fileprivate func rate(of rule: Rule, _ scope: inout Scope) throws(MappingFault) -> Double {
        guard let currencies else { return 1 }
        scope.currency = currencies.base
        guard let source = rule.currency, let value = try source.value(scope) else { return 1 }
        let code = try value.text().uppercased()
        if code == currencies.base { return 1 }
        guard let rate = currencies.rates[code] else {
            throw MappingFault(
                field: "currency",
                message:
                    "currency: is \(shortened(code)) (from \(source.described)), not \(currencies.base), and there is no rate for it",
                code: "currency")
        }
        scope.currency = code
        return rate
    }
}
