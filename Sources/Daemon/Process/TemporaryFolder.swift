import Foundation

/// Folders that are gone when the command ends.
enum TemporaryFolder {
    static func path(_ purpose: String) -> String {
        FileManager.default.temporaryDirectory
            .appendingPathComponent("tidemark-\(purpose)-\(UUID().uuidString)").path
    }
}
