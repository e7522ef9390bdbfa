/// A log file's plain bytes, whatever it is compressed with.
final class ByteSource {
    private let file: LogFile
    private var inflation: (any Inflation)?
    /// The piece of the file at hand, and how much of it is used up; empty at the end.
    private var input: [UInt8] = []
    private var consumed = 0
    /// Bytes read of the file, compressed as they are.
    private(set) var bytesRead: Int64 = 0
    let byteCount: Int64?

    var path: String { file.path }

    init(path: String) throws(LogError) {
        file = try LogFile(reading: path)
        byteCount = file.byteCount
        try fill()
        inflation = try chosenInflation(name: path)
    }

    /// Appends the next bytes to `output`; false at the end of the log.
    func read(into output: inout [UInt8]) throws(LogError) -> Bool {
        guard let inflation else {
            if consumed == input.count { try fill() }
            output.append(contentsOf: input[consumed...])
            consumed = input.count
            return !input.isEmpty
        }
        while true {
            let before = output.count
            let canGoOn: Bool
            do throws(InflationError) {
                canGoOn = try inflation.run(input, &consumed, &output)
            } catch {
                throw described(error)
            }
            if output.count > before { return true }
            if canGoOn { continue }
            try fill()
            if input.isEmpty {
                if inflation.isAtBoundary { return false }
                throw .truncated(path: path, byte: bytesRead)
            }
        }
    }

    private func fill() throws(LogError) {
        input = try file.read(atMost: 1 << 16)
        consumed = 0
        bytesRead += Int64(input.count)
    }

    /// The first bytes decide; a name that promises otherwise is an error.
    private func chosenInflation(name: String) throws(LogError) -> (any Inflation)? {
        do throws(InflationError) {
            if input.starts(with: [0x1f, 0x8b]) { return try GzipInflation() }
            if input.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) || isSkippableFrame(input) {
                return try ZstdInflation()
            }
        } catch {
            throw described(error)
        }
        guard name.hasSuffix(".gz") || name.hasSuffix(".zst") else { return nil }
        if input.isEmpty { throw .truncated(path: path, byte: 0) }
        throw .notCompressed(path: path, format: name.hasSuffix(".gz") ? "gzip" : "zstd")
    }

    private func described(_ error: InflationError) -> LogError {
        switch error {
        case .damaged(let reason):
            .damaged(
                path: path, byte: bytesRead - Int64(input.count - consumed), reason: reason)
        case .outOfMemory: .outOfMemory(path: path)
        }
    }
}

private func isSkippableFrame(_ head: [UInt8]) -> Bool {
    head.count >= 4 && head[0] & 0xf0 == 0x50
        && head.dropFirst().starts(with: [0x2a, 0x4d, 0x18])
}
