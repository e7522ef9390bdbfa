import Foundation

/// A file system of a few megabytes in a folder of its own, gone with the value.
package final class SmallDisk: Sendable {
    package let path = NSTemporaryDirectory() + "tidemark-disk-\(UUID().uuidString)"

    /// Whether this process may mount one; tests that need it say why they are left out.
    package static let mayMount: Bool = (try? SmallDisk(megabytes: 1)) != nil
    package static let reason = "mounting a small file system takes the superuser's rights"

    struct CannotMount: Error {}

    package init(megabytes: Int) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard Self.run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path) else {
            try? FileManager.default.removeItem(atPath: path)
            throw CannotMount()
        }
    }

    deinit {
        Self.run("umount", "--lazy", path)
        try? FileManager.default.removeItem(atPath: path)
    }

    package func resize(megabytes: Int) -> Bool {
        Self.run("mount", "-o", "remount,size=\(megabytes)m", path)
    }

    package func remountReadOnly() -> Bool { Self.run("mount", "-o", "remount,ro", path) }

    /// Takes all the room there is.
    package func fill() throws {
        let file = unsafe open(path + "/filler", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(file) }
        let piece = [UInt8](repeating: 1, count: 4096)
        for _ in 0..<100_000 where unsafe write(file, piece, piece.count) <= 0 { return }
    }

    package func empty() throws { try FileManager.default.removeItem(atPath: path + "/filler") }

    @discardableResult
    private static func run(_ command: String, _ arguments: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [command] + arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
