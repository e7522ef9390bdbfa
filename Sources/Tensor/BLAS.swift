import CKernels
import COpenBLAS
import Glibc

/// The matrix library, opened with the kernels a numeric profile asks for.
///
/// OpenBLAS settles which kernels it uses while it is being loaded. It guesses from a list of
/// processor models that ends with its release, and takes the oldest kernels for any newer model (a
/// fifth of the speed), so the choice is made here, from what the processor can do.
///
/// Thread: its functions may be called from any number of threads.
@safe final class BLAS: @unchecked Sendable {
    let sgemm: openblas_sgemm
    let name: String
    let core: String

    init(_ profile: NumericProfile) throws(TensorError) {
        let wanted = try Self.core(for: profile)
        if let wanted {
            unsafe setenv("OPENBLAS_CORETYPE", wanted, 1)
        }
        // Threads are ours; without this the library starts one a processor while it loads.
        unsafe setenv("OPENBLAS_NUM_THREADS", "1", 1)
        let (handle, path) = try unsafe Self.open()
        let parallel: openblas_parallel = try unsafe Self.symbol(
            "openblas_get_parallel", handle, path)
        let flavour = parallel()
        guard flavour == 1 else {
            throw .blasFlavour(path: path, found: flavour == 0 ? "no threads" : "OpenMP")
        }
        let setThreads: openblas_set_threads = try unsafe Self.symbol(
            "openblas_set_num_threads", handle, path)
        setThreads(1)
        unsafe sgemm = try unsafe Self.symbol("cblas_sgemm", handle, path)
        let configuration: openblas_text = try unsafe Self.symbol(
            "openblas_get_config", handle, path)
        let coreName: openblas_text = try unsafe Self.symbol("openblas_get_corename", handle, path)
        // The first two words are the library's name and version.
        let words = unsafe Self.text(configuration()).split(separator: " ")
        name = words.prefix(2).joined(separator: " ")
        core = unsafe Self.text(coreName())
        if let wanted, wanted.lowercased() != core.lowercased() {
            throw .blasCore(wanted: wanted, found: core)
        }
    }

    /// `nil` leaves the choice to the library.
    private static func core(for profile: NumericProfile) throws(TensorError) -> String? {
        switch profile {
        case .portable:
            guard tk_has_avx() else { throw .processorTooOld(profile) }
            return "Sandybridge"
        case .fast:
            // The user's own word counts; the self-test says what it is worth.
            if unsafe getenv("OPENBLAS_CORETYPE") != nil { return nil }
            if tk_has_avx512() { return "SkylakeX" }
            // The kernels for AVX2 make a row's bits depend on its position modulo twelve.
            return tk_has_avx() ? "Sandybridge" : nil
        }
    }

    /// The handle is never closed: the library cannot be loaded twice in one process.
    private static func open() throws(TensorError) -> (UnsafeMutableRawPointer, String) {
        #if arch(x86_64)
            let triple = "x86_64-linux-gnu"
        #else
            let triple = "aarch64-linux-gnu"
        #endif
        let candidates = [
            "/usr/lib/\(triple)/openblas-pthread/libopenblas.so.0", "libopenblasp.so.0",
            "libopenblas.so.0",
        ]
        for path in candidates {
            if let handle = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) {
                return unsafe (handle, path)
            }
        }
        let reason = unsafe dlerror().map { unsafe String(cString: $0) } ?? "not found"
        throw .blasMissing(tried: candidates, reason: reason)
    }

    private static func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String {
        unsafe pointer.map { unsafe String(cString: $0) } ?? "unknown"
    }

    private static func symbol<Function>(
        _ name: String, _ handle: UnsafeMutableRawPointer, _ path: String
    ) throws(TensorError) -> Function {
        guard let address = unsafe dlsym(handle, name) else {
            throw .blasMissing(tried: [path], reason: "it has no function \(name)")
        }
        return unsafe unsafeBitCast(address, to: Function.self)
    }
}
