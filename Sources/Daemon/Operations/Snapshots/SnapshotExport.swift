import Encoder
import Engine
import Foundation
import Records
import ResponseModel
import SnapshotStore

/// A snapshot as a folder: the adapters in PEFT's layout, everything else that was learned beside them.
///
/// - `adapter_config.json`, `adapter_model.safetensors`: what `PeftModel.from_pretrained` loads.
/// - `tidemark_heads.bin`: the rows of the response heads, item vectors and the optimiser.
/// - `tidemark.json`: what it is, on which base, and the SHA-256 of each file.
///
/// Rows about single shoppers are left out: an export is beyond the reach of an erasure.
public struct SnapshotExport {
    static let headsFile = "tidemark_heads.bin"
    static let manifestFile = "tidemark.json"
    static let adapterFiles = ["adapter_config.json", "adapter_model.safetensors"]

    /// `tidemark.json`.
    public struct Manifest: Codable, Sendable {
        /// Another number than 1 is refused when it is read.
        public var format = 1
        /// The id of the snapshot.
        public var snapshot: String
        /// Fingerprint of the base that it was learned on.
        public var base_sha256: String
        /// Of the snapshot, shoppers' rows included.
        public var state_sha256: String
        /// Over all rows that are exported, the adapters' own among them.
        public var rows_sha256: String
        /// The snapshot's event time, RFC 3339 in UTC.
        public var event_time: String
        /// When the snapshot was taken, by the wall clock, in the same form.
        public var created: String
        /// The configuration that it was learned under, as the store keeps it.
        public var configuration: String
        /// What the bits depended on: numeric profile, library and kernels.
        public var platform: String
        /// Training metrics as JSON text.
        public var metrics: String
        /// Rows of weights tables that are about single shoppers.
        public var rows_of_shoppers_left_out: Int
        /// SHA-256 by file name.
        public var files: [String: String]
    }

    /// One row of a weights table.
    struct Row: Equatable {
        let table: String
        let key: [UInt8]
        let value: [UInt8]
    }

    /// Writes a snapshot into a folder, which is made where it is not there.
    ///
    /// - Parameter base: folder of the base; the configured one where `nil`.
    /// - Throws: `ExportError.folderInUse` for a folder that holds something else than an export.
    public static func write(
        _ reference: String, of store: SnapshotStore, to folder: String, base: String?
    ) throws -> Manifest {
        try requireRoom(folder)
        let opened = try SnapshotEngine(store: store, snapshot: reference, base: base)
        let record = opened.record
        _ = try store.verify(record.id)
        var rows: [Row] = []
        var leftOut = 0
        let tables = try store.tables(of: record).map(\.table).filter { $0.kind == .weights }
        try store.withSnapshot(record.id) { _, state in
            for table in tables {
                try state.forEachOwned(table) { key, value, owner in
                    if owner == nil {
                        rows.append(Row(table: table.name, key: key, value: value))
                    } else {
                        leftOut += 1
                    }
                }
            }
        }
        let texts = try store.texts(of: record)
        try opened.engine.adapters.save(
            to: folder, baseName: opened.wiring.baseFolder)
        let heads = encoded(rows.filter { !isAdapters($0) })
        try write(Data(heads), folder + "/" + headsFile)
        var manifest = Manifest(
            snapshot: record.id, base_sha256: record.base.hex,
            state_sha256: record.stateDigest.hex, rows_sha256: digest(rows).hex,
            event_time: Timestamp.text(ms: record.eventTimeMs),
            created: Timestamp.text(ms: record.createdMs),
            configuration: texts.configuration, platform: texts.platform,
            metrics: record.metrics, rows_of_shoppers_left_out: leftOut, files: [:])
        for name in adapterFiles + [headsFile] {
            manifest.files[name] = try fileDigest(folder + "/" + name)
        }
        let json = try JSONText.data(
            manifest, [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
        try write(json, folder + "/" + manifestFile)
        return manifest
    }

    /// Keeps an exported folder as a snapshot of a store, made on the export's base where there is
    /// none yet.
    ///
    /// Every file is checked, the base is the store's or it is refused, and what is kept is bit for bit
    /// what was exported.
    public static func read(
        _ folder: String, into storePath: String, as tag: String?, base: String?, who: String
    ) throws -> (record: SnapshotRecord, tag: String) {
        let manifest = try checkedManifest(folder)
        var configuration = try Configuration(
            stored: manifest.configuration, place: folder + "/" + manifestFile)
        if let base { configuration.model.base = base }
        let wiring = Wiring(configuration: configuration)
        let model = try wiring.loadBase()
        guard manifest.base_sha256 == model.fingerprint.hex else {
            throw ExportError.otherBase(
                folder, made: manifest.base_sha256, found: model.fingerprint.hex)
        }
        let adapters = try Adapters.load(directory: folder, base: model)
        var rows = try decoded(folder + "/" + headsFile)
        rows.append(Row(table: adapterTable, key: adapterKey, value: adapters.record))
        guard digest(rows).hex == manifest.rows_sha256 else {
            throw ExportError.changed(folder, file: adapterFiles[1])
        }
        try requireSound(rows, wiring, model, folder)
        let store = try wiring.openStore(path: storePath, base: model, mode: .readWrite)
        let name = tag ?? "imported/\(manifest.snapshot)"
        let imported = ImportedSnapshot(
            rows: rows.map { (StateTable($0.table, .weights), $0.key, $0.value) },
            eventTimeMs: Timestamp.milliseconds(manifest.event_time) ?? 0,
            request: SnapshotRequest(
                wallTimeMs: wallTimeMs(), configuration: manifest.configuration,
                platform: manifest.platform, metrics: manifest.metrics, tags: [name]))
        do {
            let record = try store.importSnapshot(
                imported, who: who, reason: "snapshot \(manifest.snapshot) from \(folder)")
            _ = try store.verify(record.id)
            try store.close()
            return (record, name)
        } catch {
            try store.close()
            throw error
        }
    }

    // MARK: Parts

    private static let adapterTable = Engine.adapterRow.table.name
    private static let adapterKey = Engine.adapterRow.key

    /// - Throws: `ExportError.malformed` for rows that no engine can go on from, such as of numbers that
    ///   are none.
    private static func requireSound(
        _ rows: [Row], _ wiring: Wiring, _ model: BaseModel, _ folder: String
    ) throws {
        var changes = StateChanges()
        for row in rows { changes.put(StateTable(row.table, .weights), row.key, row.value) }
        var state = MemoryState()
        state.apply(changes)
        do {
            _ = try Engine(try wiring.engineConfiguration(model), base: model, reading: state)
        } catch let error as ResponseError {
            throw ExportError.malformed(folder + "/" + headsFile, "\(error)")
        }
    }

    private static func isAdapters(_ row: Row) -> Bool {
        row.table == adapterTable && row.key == adapterKey
    }

    private static func write(_ data: Data, _ path: String) throws {
        do { try data.write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
            throw OutputError(path: path, reason: error.localizedDescription)
        }
    }

    /// An export may be written over one of before, nothing else.
    private static func requireRoom(_ folder: String) throws {
        let own = Set(adapterFiles + [headsFile, manifestFile])
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let foreign = names.filter { !own.contains($0) }.sorted()
        if let first = foreign.first { throw ExportError.folderInUse(folder, first) }
    }

    private static func checkedManifest(_ folder: String) throws -> Manifest {
        let path = folder + "/" + manifestFile
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ExportError.missing(folder, file: manifestFile)
        }
        let manifest: Manifest
        do { manifest = try JSONDecoder().decode(Manifest.self, from: data) } catch {
            throw ExportError.malformed(path, "it is no manifest of an export")
        }
        guard manifest.format == 1 else {
            throw ExportError.malformed(
                path, "it has format \(manifest.format), this program knows format 1")
        }
        for name in adapterFiles + [headsFile] {
            guard manifest.files[name] == (try fileDigest(folder + "/" + name)) else {
                throw ExportError.changed(folder, file: name)
            }
        }
        return manifest
    }

    private static func fileDigest(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            let url = URL(fileURLWithPath: path)
            throw ExportError.missing(
                url.deletingLastPathComponent().path, file: url.lastPathComponent)
        }
        return SHA256.hash([UInt8](data)).hex
    }

    /// Over the rows whatever their order.
    private static func digest(_ rows: [Row]) -> Digest256 {
        rows.reduce(.zero) { sum, row in
            var writer = ByteWriter(capacity: row.value.count + 64)
            writer.string(row.table)
            writer.data(row.key)
            writer.data(row.value)
            return sum &+ SHA256.hash(writer.bytes)
        }
    }

    private static func encoded(_ rows: [Row]) -> [UInt8] {
        var writer = ByteWriter(capacity: rows.reduce(4) { $0 + $1.value.count + 64 })
        // In an order of their own: the same rows are the same file.
        let sorted = rows.sorted {
            $0.table == $1.table
                ? $0.key.lexicographicallyPrecedes($1.key) : $0.table < $1.table
        }
        writer.array(sorted) { writer, row in
            writer.string(row.table)
            writer.data(row.key)
            writer.data(row.value)
        }
        return writer.bytes
    }

    private static func decoded(_ path: String) throws -> [Row] {
        let data = FileManager.default.contents(atPath: path) ?? Data()
        do throws(ByteCodingError) {
            var reader = ByteReader([UInt8](data))
            let rows = try reader.array { r throws(ByteCodingError) in
                Row(table: try r.string(), key: try r.data(), value: try r.data())
            }
            try reader.finish()
            return rows
        } catch { throw ExportError.malformed(path, error.description) }
    }
}

/// Why an export cannot be written or read.
public enum ExportError: Error, CustomStringConvertible, ClassifiedFailure {
    case missing(String, file: String)
    case malformed(String, String)
    case changed(String, file: String)
    case otherBase(String, made: String, found: String)
    case folderInUse(String, String)

    /// A folder in use is a wrong command line; all else is bad data.
    public var failureKind: FailureKind { if case .folderInUse = self { .usage } else { .badData } }

    /// Which folder or file, and what is wrong with it.
    public var description: String {
        switch self {
        case .missing(let folder, let file):
            "\(folder) is no export of a snapshot: it has no \(file)"
        case .malformed(let path, let reason): "\(path): \(reason)"
        case .changed(let folder, let file):
            "\(file) in \(folder) is not what was exported: its checksum is another"
        case .otherBase(let folder, let made, let found):
            "\(folder) was made on base \(made.prefix(12)), not on base \(found.prefix(12)); weights "
                + "never load on another base"
        case .folderInUse(let folder, let name):
            "\(folder) holds something else already (\(name)); an export needs a folder of its own"
        }
    }
}
