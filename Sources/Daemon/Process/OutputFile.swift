import Foundation

/// Files that a command is asked to write: looked at before any work begins, and written whole or not
/// at all.
public enum OutputFile {
    /// Looks at the places before any work begins; `-` is standard output.
    ///
    /// - Throws: `OutputError` for the first at which no file can be written, and for one that is meant
    ///   for two.
    public static func require(_ paths: String?...) throws(OutputError) {
        var seen: Set<String> = []
        for path in paths.compactMap({ $0 }) where path != "-" {
            let isReplaceable = try requireRoom(at: path)
            guard seen.insert(resolved(path)).inserted || !isReplaceable else {
                throw OutputError(
                    path: path, reason: "another output of this command goes there", isUsage: true)
            }
        }
    }

    /// Writes the text and a line's end; does nothing for `nil`.
    ///
    /// - Throws: `OutputError`; what was there before is then there still.
    public static func write(_ text: String, to path: String?) throws(OutputError) {
        guard let path else { return }
        do {
            // A pipe or a device is no file that another could take the place of.
            let options: Data.WritingOptions = isReplaceable(path) ? .atomic : []
            try Data((text + "\n").utf8).write(
                to: URL(fileURLWithPath: resolved(path)), options: options)
        } catch {
            throw OutputError(path: path, reason: sentence(of: error), isUsage: false)
        }
    }

    private static func resolved(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    private static func isReplaceable(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return true }
        return status.st_mode & S_IFMT == S_IFREG
    }

    /// - Returns: whether a file can take the place, and not only a stream of bytes.
    private static func requireRoom(at path: String) throws(OutputError) -> Bool {
        func refuse(_ reason: String) -> OutputError {
            OutputError(path: path, reason: reason, isUsage: true)
        }
        // What a disk does not let anybody do is not the command line's fault.
        func refuse(_ place: String, _ code: Int32) -> OutputError {
            OutputError(
                path: path, reason: unsafe place + String(cString: strerror(code)),
                isUsage: ![EROFS, EIO, ENODEV, ENXIO, ESTALE].contains(code))
        }
        guard !path.isEmpty else { throw refuse("the name is empty") }
        var status = stat()
        if unsafe stat(path, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { throw refuse("it is a folder") }
            guard unsafe access(path, W_OK) == 0 else { throw refuse("", errno) }
            guard status.st_mode & S_IFMT == S_IFREG else { return false }
        }
        let parent = URL(fileURLWithPath: resolved(path)).deletingLastPathComponent().path
        guard unsafe stat(parent, &status) == 0 else {
            throw refuse("there is no folder \(parent)")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw refuse("\(parent) is no folder") }
        guard unsafe access(parent, W_OK | X_OK) == 0 else {
            throw refuse("the folder \(parent): ", errno)
        }
        return true
    }
}

/// A file that was asked for and cannot be written.
public struct OutputError: Error, CustomStringConvertible, ClassifiedFailure {
    /// The path as it was given.
    public let path: String
    /// Why not, in a clause.
    public let reason: String
    /// Whether it was found before any work, so that the command line is at fault.
    public let isUsage: Bool

    init(path: String, reason: String, isUsage: Bool = false) {
        self.path = path
        self.reason = reason
        self.isUsage = isUsage
    }

    /// A wrong command line, or a disk that is not available.
    public var failureKind: FailureKind { isUsage ? .usage : .unavailable }

    /// The path and the reason, in a sentence.
    public var description: String { "cannot write \(path): \(reason)" }
}
