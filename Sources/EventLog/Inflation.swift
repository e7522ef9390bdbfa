internal import CZlib
internal import CZstd

/// Compressed bytes in, plain bytes out, piece by piece.
protocol Inflation: AnyObject {
    /// Takes from `input` (from `consumed` on) and appends what it makes to `output`, a piece
    /// of bounded size at a call.
    ///
    /// - Returns: false when nothing more can be made without further input.
    func run(_ input: [UInt8], _ consumed: inout Int, _ output: inout [UInt8])
        throws(InflationError) -> Bool

    /// Whether the data end at a frame's end, so that the end of the file is no truncation.
    var isAtBoundary: Bool { get }
}

enum InflationError: Error {
    case damaged(String)
    case outOfMemory
}

/// How much one call of `run` makes at most.
private let pieceBytes = 1 << 16

/// gzip, as many members as there are one after another, zero padding after them.
@safe final class GzipInflation: Inflation {
    /// Initialised once, ended in `deinit`; used by the reader's thread alone.
    private let stream: UnsafeMutablePointer<z_stream>
    private var piece = [UInt8](repeating: 0, count: pieceBytes)
    private var isBetweenMembers = false

    init() throws(InflationError) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 16 more than the window's bits: a gzip header and trailer, checked.
        let code = unsafe inflateInit2_(
            stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        if code != Z_OK {
            unsafe stream.deallocate()
            throw .outOfMemory
        }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    var isAtBoundary: Bool { isBetweenMembers }

    func run(_ input: [UInt8], _ consumed: inout Int, _ output: inout [UInt8])
        throws(InflationError) -> Bool
    {
        if isBetweenMembers {
            while consumed < input.count, input[consumed] == 0 { consumed += 1 }
            if consumed == input.count { return false }
            unsafe inflateReset(stream)
            isBetweenMembers = false
        }
        let start = consumed
        let available = input.count - start
        var made = 0
        let code = unsafe input.withUnsafeBufferPointer { source in
            unsafe piece.withUnsafeMutableBufferPointer { target in
                // zlib does not write through `next_in`.
                unsafe stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: source.baseAddress.map { unsafe $0 + start })
                unsafe stream.pointee.avail_in = UInt32(available)
                unsafe stream.pointee.next_out = target.baseAddress
                unsafe stream.pointee.avail_out = UInt32(target.count)
                let code = unsafe inflate(stream, Z_NO_FLUSH)
                made = unsafe target.count - Int(stream.pointee.avail_out)
                return code
            }
        }
        consumed = unsafe start + available - Int(stream.pointee.avail_in)
        output.append(contentsOf: piece[..<made])
        switch code {
        case Z_STREAM_END:
            isBetweenMembers = true
            return true
        case Z_OK: return made > 0 || consumed < input.count
        case Z_BUF_ERROR: return false
        case Z_MEM_ERROR: throw .outOfMemory
        default:
            let text = unsafe stream.pointee.msg
            throw .damaged(
                unsafe text.map { unsafe String(cString: $0) } ?? "zlib's error \(code)")
        }
    }
}

/// zstd, frame after frame, skippable ones skipped.
@safe final class ZstdInflation: Inflation {
    /// Made once, freed in `deinit`; used by the reader's thread alone.
    private let stream: OpaquePointer
    private var piece = [UInt8](repeating: 0, count: pieceBytes)
    private(set) var isAtBoundary = false

    init() throws(InflationError) {
        guard let made = unsafe ZSTD_createDStream() else { throw .outOfMemory }
        unsafe stream = made
        unsafe ZSTD_initDStream(stream)
    }

    deinit {
        unsafe ZSTD_freeDStream(stream)
    }

    func run(_ input: [UInt8], _ consumed: inout Int, _ output: inout [UInt8])
        throws(InflationError) -> Bool
    {
        if isAtBoundary, consumed == input.count { return false }
        var position = consumed
        var made = 0
        let code = unsafe input.withUnsafeBytes { source in
            unsafe piece.withUnsafeMutableBytes { target in
                var from = unsafe ZSTD_inBuffer(
                    src: source.baseAddress, size: source.count, pos: position)
                var to = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                let code = unsafe ZSTD_decompressStream(stream, &to, &from)
                position = unsafe from.pos
                made = unsafe to.pos
                return code
            }
        }
        consumed = position
        output.append(contentsOf: piece[..<made])
        if ZSTD_isError(code) != 0 {
            throw .damaged(unsafe String(cString: ZSTD_getErrorName(code)))
        }
        isAtBoundary = code == 0
        return made > 0 || consumed < input.count
    }
}
