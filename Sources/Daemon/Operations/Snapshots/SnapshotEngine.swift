import Engine
import SnapshotStore

/// The engine as it was in a snapshot, on the base and under the configuration it was learned with.
struct SnapshotEngine {
    let record: SnapshotRecord
    let wiring: Wiring
    var engine: Engine
    let embedding: EncoderEmbedding

    /// - Parameters:
    ///   - reference: of a snapshot of the store.
    ///   - base: folder of the base; the configured one where `nil`.
    init(store: SnapshotStore, snapshot reference: String, base: String?) throws {
        let record = try store.resolve(reference)
        var configuration = try Configuration(
            stored: try store.texts(of: record).configuration, place: "snapshot \(record.id)")
        if let base { configuration.model.base = base }
        let wiring = Wiring(configuration: configuration)
        let model = try wiring.loadBase()
        guard model.fingerprint == store.identity.base else {
            throw StoreError.otherBase(
                path: store.path, found: store.identity.base, expected: model.fingerprint)
        }
        engine = try store.withSnapshot(record.id) { _, state in
            var engine = try Engine(
                try wiring.engineConfiguration(model), base: model, reading: state)
            try engine.loadItems(reading: state)
            return engine
        }
        engine.origin.snapshot = record.id
        engine.origin.lineage = Int(record.lineage)
        embedding = EncoderEmbedding(try wiring.encoder(model, adapters: engine.adapters))
        try embedding.use(engine.adapters)
        self.record = record
        self.wiring = wiring
    }
}
