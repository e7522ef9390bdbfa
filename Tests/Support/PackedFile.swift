import Foundation

/// A file that is gzipped, since it would be large otherwise: a fixture, a log.
package struct PackedFile: Error, CustomStringConvertible {
    private let path: String

    /// - Parameter path: of the gzipped file.
    package init(_ path: String) { self.path = path }

    /// What it holds.
    ///
    /// - Throws: itself, where gzip does not read it.
    package func data() throws -> Data {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/gzip")
        process.arguments = ["-dc", path]
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw self }
        return data
    }

    /// Writes what it holds to a file.
    package func unpack(to target: String) throws {
        try data().write(to: URL(filePath: target))
    }

    package var description: String { "\(path) cannot be unpacked" }
}
