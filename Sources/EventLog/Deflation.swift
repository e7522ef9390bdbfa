internal import CZlib
internal import CZstd

/// What is to become of the bytes given so far.
enum DeflationStep {
    /// More will follow.
    case goOn
    /// All so far must be readable from the output so far.
    case flush
    case finish
}

/// Plain bytes in, compressed bytes out.
protocol Deflation: AnyObject {
    func run(_ input: [UInt8], _ step: DeflationStep, _ output: inout [UInt8])
        throws(InflationError)
}

private let pieceBytes = 1 << 16

@safe final class GzipDeflation: Deflation {
    /// Initialised once, ended in `deinit`; used by the writer's thread alone.
    private let stream: UnsafeMutablePointer<z_stream>
    private var piece = [UInt8](repeating: 0, count: pieceBytes)

    init() throws(InflationError) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let code = unsafe deflateInit2_(
            stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        if code != Z_OK {
            unsafe stream.deallocate()
            throw .outOfMemory
        }
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    func run(_ input: [UInt8], _ step: DeflationStep, _ output: inout [UInt8])
        throws(InflationError)
    {
        let mode =
            switch step {
            case .goOn: Z_NO_FLUSH
            case .flush: Z_SYNC_FLUSH
            case .finish: Z_FINISH
            }
        var consumed = 0
        while true {
            var made = 0
            let code = unsafe input.withUnsafeBufferPointer { source in
                unsafe piece.withUnsafeMutableBufferPointer { target in
                    // zlib does not write through `next_in`.
                    unsafe stream.pointee.next_in = UnsafeMutablePointer(
                        mutating: source.baseAddress.map { unsafe $0 + consumed })
                    unsafe stream.pointee.avail_in = UInt32(source.count - consumed)
                    unsafe stream.pointee.next_out = target.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(target.count)
                    let code = unsafe deflate(stream, mode)
                    made = unsafe target.count - Int(stream.pointee.avail_out)
                    return code
                }
            }
            consumed = unsafe input.count - Int(stream.pointee.avail_in)
            output.append(contentsOf: piece[..<made])
            if code == Z_STREAM_END { return }
            // Z_BUF_ERROR says only that there was nothing to do.
            if code != Z_OK, code != Z_BUF_ERROR { throw .damaged("zlib's error \(code)") }
            if step != .finish, made < pieceBytes { return }
        }
    }
}

@safe final class ZstdDeflation: Deflation {
    /// Made once, freed in `deinit`; used by the writer's thread alone.
    private let stream: OpaquePointer
    private var piece = [UInt8](repeating: 0, count: pieceBytes)

    init() throws(InflationError) {
        guard let made = unsafe ZSTD_createCCtx() else { throw .outOfMemory }
        unsafe stream = made
        unsafe ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1)
    }

    deinit {
        unsafe ZSTD_freeCCtx(stream)
    }

    func run(_ input: [UInt8], _ step: DeflationStep, _ output: inout [UInt8])
        throws(InflationError)
    {
        let mode =
            switch step {
            case .goOn: ZSTD_e_continue
            case .flush: ZSTD_e_flush
            case .finish: ZSTD_e_end
            }
        var consumed = 0
        while true {
            var made = 0
            let left = unsafe input.withUnsafeBytes { source in
                unsafe piece.withUnsafeMutableBytes { target in
                    var from = unsafe ZSTD_inBuffer(
                        src: source.baseAddress, size: source.count, pos: consumed)
                    var to = unsafe ZSTD_outBuffer(
                        dst: target.baseAddress, size: target.count, pos: 0)
                    let left = unsafe ZSTD_compressStream2(stream, &to, &from, mode)
                    consumed = unsafe from.pos
                    made = unsafe to.pos
                    return left
                }
            }
            output.append(contentsOf: piece[..<made])
            if ZSTD_isError(left) != 0 {
                throw .damaged(unsafe String(cString: ZSTD_getErrorName(left)))
            }
            if step == .goOn ? consumed == input.count : left == 0 { return }
        }
    }
}
