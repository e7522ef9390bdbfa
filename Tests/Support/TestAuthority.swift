import Foundation

/// An authority of one test's own, with certificates that it has signed, made by the program `openssl` in a
/// folder that goes with the value.
package final class TestAuthority: Sendable {
    package let folder = NSTemporaryDirectory() + "tidemark-authority-\(UUID().uuidString)"

    /// The authority's own certificate.
    package var file: String { folder + "/ca.pem" }

    package struct Failed: Error {
        let arguments: [String]
    }

    package init(_ name: String = "test authority") throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try makeKey("ca")
        try openssl(
            "req", "-x509", "-new", "-key", folder + "/ca.key", "-days", "2", "-subj",
            "/CN=\(name)", "-out", file)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Makes `NAME.pem` and `NAME.key`, for `localhost` and 127.0.0.1.
    ///
    /// - Parameter days: how long it holds from now on; below 0 it has ended.
    package func issue(
        _ name: String, days: Int = 2
    ) throws -> (certificate: String, key: String) {
        let path = folder + "/" + name
        try makeKey(name)
        try openssl(
            "req", "-new", "-key", path + ".key", "-subj", "/CN=\(name)", "-out", path + ".csr")
        try Data("subjectAltName=DNS:localhost,IP:127.0.0.1\n".utf8)
            .write(to: URL(filePath: path + ".ext"))
        try openssl(
            "x509", "-req", "-in", path + ".csr", "-CA", file, "-CAkey", folder + "/ca.key",
            "-CAcreateserial", "-days", "\(days)", "-extfile", path + ".ext", "-out", path + ".pem")
        return (path + ".pem", path + ".key")
    }

    /// The number of a certificate as `openssl` prints it.
    package func serial(of certificate: String) throws -> String {
        let text = try openssl("x509", "-in", certificate, "-noout", "-serial")
        return text.replacing("serial=", with: "").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// A key in `NAME.key` that its owner alone may read.
    package func makeKey(_ name: String, passphrase: String? = nil) throws {
        let path = folder + "/\(name).key"
        try openssl(
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path]
                + (passphrase.map { ["-aes-256-cbc", "-pass", "pass:\($0)"] } ?? []))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    @discardableResult
    private func openssl(_ arguments: String...) throws -> String { try openssl(arguments) }

    @discardableResult
    private func openssl(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed(arguments: arguments) }
        return String(decoding: text, as: UTF8.self)
    }
}
