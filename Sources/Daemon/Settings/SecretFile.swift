import Foundation

/// A file that holds a secret: a token, a password, a private key.
///
/// One that others than its owner can read is no secret any more: it is refused rather than used.
package enum SecretFile {
    /// Whether the value of a setting of librdkafka is a secret; names and certificates are none.
    static func holdsSecret(_ setting: String) -> Bool {
        ["password", "secret", "ssl.key", "token", "jaas", "keytab"].contains {
            setting.contains($0)
        }
    }

    /// The whole file; what it holds is in no message.
    ///
    /// - Parameter place: The setting that names the file.
    /// - Throws: `ConfigurationError` where it cannot be read, or others can read it.
    package static func read(_ path: String, place: String) throws(ConfigurationError) -> Data {
        try requirePrivate(path, place: place)
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationError(place: place, message: "\(path) cannot be read")
        }
        return data
    }

    /// - Throws: `ConfigurationError` where the file is not there, or others than its owner and group
    ///   root can read it.
    static func requirePrivate(_ path: String, place: String) throws(ConfigurationError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw ConfigurationError(
                place: place,
                message: "\(path) cannot be read: "
                    + (unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error"))
        }
        // Secrets that an orchestrator mounts belong to root and to a group made for the one who reads.
        let others: mode_t = status.st_uid == 0 && geteuid() != 0 ? 0o007 : 0o077
        guard status.st_mode & S_IFMT != S_IFREG || status.st_mode & others == 0 else {
            throw ConfigurationError(
                place: place,
                message:
                    "others can read \(path) (mode \(String(status.st_mode & 0o777, radix: 8))): "
                    + "make a new secret, and give it to its owner alone (chmod 600)")
        }
    }
}
