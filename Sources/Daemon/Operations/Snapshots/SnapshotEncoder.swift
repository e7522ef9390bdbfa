import Encoder
import SnapshotStore

/// The encoder a snapshot embeds texts with.
public enum SnapshotEncoder {
    /// - Parameters:
    ///   - snapshot: a reference to a snapshot of the store.
    ///   - base: folder of the base; the configured one where `nil`.
    ///   - maxTokens: what texts are cut to; the configured number where `nil`.
    /// - Throws: when there is no such snapshot, or the base is not the one it was learned on.
    public static func open(
        store path: String, snapshot: String, base: String?, maxTokens: Int?, threads: Int
    ) throws -> TextEncoder {
        DamageExit.install()
        let store = try SnapshotStore.open(path: path, mode: .readOnly)
        let opened = try SnapshotEngine(store: store, snapshot: snapshot, base: base)
        try store.close()
        return try TextEncoder(
            base: opened.embedding.encoder.base, adapters: opened.engine.adapters,
            maxTokens: maxTokens ?? opened.wiring.configuration.model.maxTokens, threads: threads)
    }
}
