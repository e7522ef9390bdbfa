import Foundation

/// A fixture that is committed gzipped, since it would be large otherwise.
package struct PackedFile: Error, CustomStringConvertible {
    private let path: String

    /// - Parameter path: of the gzipped file.
    package init(_ path: String) { self.path = path }

    /// Writes what it holds to a file, which is made.
    ///
    /// - Throws: itself, where gzip does not read it.
    package func unpack(to target: String) throws {
        guard FileManager.default.createFile(atPath: target, contents: nil) else { throw self }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/gzip")
        process.arguments = ["-dc", path]
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: target))
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw self }
    }

    package var description: String { "\(path) cannot be unpacked" }
}
