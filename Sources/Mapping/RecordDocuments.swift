import Events

/// The documents of a record, one after the other.
struct RecordDocuments {
    let format: Mapping.Format
    let columns: [String]
    let parser: JSONParser

    /// Hands every document to `body`, or why it is none.
    ///
    /// - Throws: where the whole record is none.
    func forEach(
        _ bytes: UnsafeRawBufferPointer,
        _ body: (_ index: Int, Result<JSONNode, EventError>) throws(EventError) -> Void
    ) throws(EventError) {
        switch format {
        case .json: unsafe try json(bytes, body)
        case .lines: unsafe try lines(bytes, body)
        case .csv, .tsv:
            let first = unsafe bytes.first { $0 > 0x20 }
            // Writers of tables are often replaced by writers of JSON with the same names.
            if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
                unsafe try json(bytes, body)
            } else {
                unsafe try table(bytes, body)
            }
        }
    }

    private func json(
        _ bytes: UnsafeRawBufferPointer,
        _ body: (Int, Result<JSONNode, EventError>) throws(EventError) -> Void
    ) throws(EventError) {
        let root = unsafe try parser.parse(bytes)
        guard root.shape == .array else {
            guard root.shape == .object else { throw .notAnObject(root.described) }
            return try body(0, .success(root))
        }
        for (index, child) in root.children.enumerated() {
            try body(
                index,
                child.shape == .object
                    ? .success(child) : .failure(.notAnObject(child.described)))
        }
    }

    private func lines(
        _ bytes: UnsafeRawBufferPointer,
        _ body: (Int, Result<JSONNode, EventError>) throws(EventError) -> Void
    ) throws(EventError) {
        var index = 0
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, unsafe bytes[end] != 0x0a { end += 1 }
            let line = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            start = end + 1
            guard unsafe line.contains(where: { $0 > 0x20 }) else { continue }
            try body(index, unsafe document(line))
            index += 1
        }
        if index == 0 { throw .malformed("it is empty") }
    }

    private func document(_ bytes: UnsafeRawBufferPointer) -> Result<JSONNode, EventError> {
        do throws(EventError) {
            let root = unsafe try parser.parse(bytes)
            return root.shape == .object ? .success(root) : .failure(.notAnObject(root.described))
        } catch { return .failure(error) }
    }

    /// Rows of a table become objects of texts, so that everything after is the same.
    ///
    /// Source: RFC 4180; of tab-separated values nothing is quoted.
    private func table(
        _ bytes: UnsafeRawBufferPointer,
        _ body: (Int, Result<JSONNode, EventError>) throws(EventError) -> Void
    ) throws(EventError) {
        guard let text = unsafe String(validating: bytes, as: UTF8.self) else { throw .notUTF8 }
        var rows = TableRows(
            Array(text.utf8), separator: UInt8(ascii: format == .csv ? "," : "\t"),
            isQuoted: format == .csv)
        var index = 0
        while let row = try rows.next() {
            if row.map({ String(decoding: $0, as: UTF8.self) }) == columns { continue }
            guard row.count == columns.count else {
                try body(
                    index,
                    .failure(
                        .malformed(
                            "it has \(row.count) columns where there should be \(columns.count)")))
                index += 1
                continue
            }
            var json = JSONWriter()
            json.beginObject()
            for (column, cell) in zip(columns, row) where !cell.isEmpty {
                json.field(key: column, .text(String(decoding: cell, as: UTF8.self)))
            }
            json.endObject()
            try body(index, unsafe json.bytes.withUnsafeBytes { unsafe document($0) })
            index += 1
        }
    }
}

/// The rows of a table in a text, blank ones left out.
private struct TableRows {
    private let bytes: [UInt8]
    private let separator: UInt8
    private let isQuoted: Bool
    private var at = 0

    init(_ bytes: [UInt8], separator: UInt8, isQuoted: Bool) {
        self.bytes = bytes
        self.separator = separator
        self.isQuoted = isQuoted
    }

    mutating func next() throws(EventError) -> [[UInt8]]? {
        while at < bytes.count, bytes[at] == 0x0a || bytes[at] == 0x0d { at += 1 }
        guard at < bytes.count else { return nil }
        var row: [[UInt8]] = []
        while true {
            row.append(try cell())
            guard at < bytes.count, bytes[at] == separator else { break }
            at += 1
        }
        return row
    }

    /// A cell; what ends it is not taken.
    private mutating func cell() throws(EventError) -> [UInt8] {
        var cell: [UInt8] = []
        let quote = UInt8(ascii: "\"")
        guard isQuoted, at < bytes.count, bytes[at] == quote else {
            while at < bytes.count, bytes[at] != separator, bytes[at] != 0x0a {
                cell.append(bytes[at])
                at += 1
            }
            // A line may end as Windows ends it.
            if cell.last == 0x0d { cell.removeLast() }
            return cell
        }
        at += 1
        while at < bytes.count {
            if bytes[at] == quote {
                at += 1
                guard at < bytes.count, bytes[at] == quote else {
                    while at < bytes.count, bytes[at] == 0x0d { at += 1 }
                    guard at == bytes.count || bytes[at] == separator || bytes[at] == 0x0a else {
                        throw .malformed("a cell of it goes on behind its quotes")
                    }
                    return cell
                }
            }
            cell.append(bytes[at])
            at += 1
        }
        throw .malformed("a quoted cell of it does not end")
    }
}
