/// Why a log cannot be read or written. The description names the file and the place.
public enum LogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A system call failed; `reason` is the system's message.
    case system(path: String, operation: String, errno: Int32, reason: String)
    /// The compressed data end in the middle, at this byte of the file.
    case truncated(path: String, byte: Int64)
    /// The compressed data are damaged at or shortly before this byte of the file.
    case damaged(path: String, byte: Int64, reason: String)
    /// The name promises a format that the first bytes do not have.
    case notCompressed(path: String, format: String)
    /// The writer will not replace what is there.
    case exists(path: String)
    /// No memory left for its compression.
    case outOfMemory(path: String)
    /// A captured record's offset is the largest there is: nothing can be read from behind it.
    case lastOffset(path: String, line: Int64)

    /// One line with the path and the place.
    public var description: String {
        switch self {
        case .system(let path, let operation, _, let reason):
            "\(path): cannot \(operation): \(reason)"
        case .truncated(let path, let byte):
            "\(path): the compressed data end too early, at byte \(byte)"
        case .damaged(let path, let byte, let reason):
            "\(path): the compressed data are damaged near byte \(byte): \(reason)"
        case .notCompressed(let path, let format):
            "\(path): byte 0 is not the start of \(format) data, which the name promises"
        case .exists(let path): "\(path): is already there and would be overwritten"
        case .lastOffset(let path, let line):
            "\(path), line \(line): offset \(Int64.max) is beyond every topic, nothing can follow it"
        case .outOfMemory(let path): "\(path): no memory left for its compression"
        }
    }

    /// The log it is about, as it was given: `-` is standard input or output.
    public var path: String {
        switch self {
        case .system(let path, _, _, _), .truncated(let path, _), .damaged(let path, _, _),
            .notCompressed(let path, _), .exists(let path), .outOfMemory(let path),
            .lastOffset(let path, _):
            path
        }
    }
}
