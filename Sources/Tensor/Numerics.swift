import CKernels
import COpenBLAS
import Synchronization

/// The arithmetic of this process: matrix products, kernels, and what can be promised of them.
///
/// The fast profile multiplies with kernels of our own wherever the processor fuses a
/// multiplication with an addition (any since 2013): they are faster than OpenBLAS's, and give the
/// same bits with AVX2 as with AVX-512. Without that instruction, and in the portable profile, it is
/// OpenBLAS.
///
/// Thread: any number of threads may use one value at once.
public final class Numerics: Sendable {
    /// What the bits depend on.
    public let platform: NumericPlatform
    /// Whether the self-test found a row's bits independent of the rows beside it. Without it,
    /// vectors may differ in their last bits with the size of a batch.
    public let rowsAreIndependent: Bool
    private let products: Products
    /// The elementwise kernels; they fuse where the products do.
    package var kernels: Kernels { products.kernels }

    private static let loaded = Mutex<Numerics?>(nil)

    /// The arithmetic of a profile; the first call settles the profile for the whole process.
    ///
    /// - Throws: when the library is missing or of another flavour, when another profile is in use
    ///   already, or when the processor cannot run the profile.
    public static func load(_ profile: NumericProfile = .fast) throws(TensorError) -> Numerics {
        try loaded.withLock { current throws(TensorError) in
            if let current {
                guard current.platform.profile == profile else {
                    throw .profileFixed(loaded: current.platform.profile, wanted: profile)
                }
                return current
            }
            let made = try Numerics(profile)
            current = made
            return made
        }
    }

    /// The arithmetic in use, loading the fast profile when none was chosen before.
    public static func current() throws(TensorError) -> Numerics {
        try load(loaded.withLock { $0?.platform.profile } ?? .fast)
    }

    private convenience init(_ profile: NumericProfile) throws(TensorError) {
        if profile == .fast && Kernels.best.level != .baseline {
            self.init(fused: Kernels.best)
        } else {
            self.init(library: try BLAS(profile), profile)
        }
    }

    /// Fused products by the kernels of a level, whatever the process uses: for checks that all
    /// levels give the same bits.
    package init(fused kernels: Kernels) {
        products = Products(kernels: kernels.fused, library: nil)
        platform = NumericPlatform(
            profile: .fast, blas: "fused products", core: "fma", kernels: Kernels.version)
        rowsAreIndependent = RowIndependence.holds(for: products)
    }

    private init(library: BLAS, _ profile: NumericProfile) {
        products = Products(kernels: .best, library: library)
        platform = NumericPlatform(
            profile: profile, blas: library.name, core: library.core, kernels: Kernels.version)
        rowsAreIndependent = RowIndependence.holds(for: products)
    }

    /// OpenBLAS with its fastest kernels, beside whatever the process computes with: for benches.
    package static func library() throws(TensorError) -> Numerics {
        Numerics(library: try BLAS(.fast), .fast)
    }

    /// About so many rows are best worked on at once, from product to product. Changes no bits.
    package var rowsAtOnce: Int { products.rowsAtOnce }

    /// Makes room to multiply rows by a matrix, or by its transpose; `fill` then fills it. A view
    /// of the matrix may be kept: it must live as long as the room.
    package func place(_ matrix: Matrix, transposed: Bool, in arena: inout Arena) -> Multiplier {
        products.place(matrix, transposed: transposed, in: &arena)
    }

    /// Takes over the values of the matrix the multiplier was placed for.
    package func fill(_ multiplier: Multiplier, from matrix: Matrix) {
        products.fill(multiplier, from: matrix)
    }

    /// c = x · w, where each row of c has the bits it has alone.
    ///
    /// - Parameter padding: at least `paddingFloats` for this shape.
    package func multiplyRows(
        _ x: Matrix, by w: Multiplier, into c: MutableMatrix, padding: FloatBuffer
    ) {
        products.multiplyRows(x, by: w, into: c, padding: padding)
    }

    /// c = scale · a · b, or of a transposed. The sizes alone decide what multiplies, and nothing
    /// allocates: beside OpenBLAS, a kernel of our own does up to a million multiplications.
    package func multiplyHead(
        _ a: Matrix, transposed: Bool = false, _ b: Matrix, into c: MutableMatrix,
        scale: Float = 1
    ) {
        products.multiplyHead(a, transposed: transposed, b, into: c, scale: scale)
    }

    /// The scratch floats `multiplyRows` may need for a product with this many inner and result
    /// columns.
    package func paddingFloats(inner: Int, columns: Int) -> Int {
        products.paddingFloats(inner: inner, columns: columns)
    }
}

extension BLAS {
    /// Up to this many multiplications OpenBLAS takes a path of its own, whose rows depend on the
    /// number of rows (interface/gemm.c, kernel/x86_64/sgemm_small_kernel_permit_skylakex.c).
    static let smallProduct = 1_000_000

    static func rowsBeyondSmall(inner: Int, columns: Int) -> Int {
        // A result of one column is a vector product to the library: computed as two.
        smallProduct / (max(inner, 1) * max(columns, 2)) + 1
    }

    func multiply(
        _ a: Matrix, _ aTransposed: Bool, _ b: Matrix, _ bTransposed: Bool,
        into c: MutableMatrix, scale: Float = 1, accumulate: Bool = false
    ) {
        let (rows, inner) = aTransposed ? (a.columns, a.rows) : (a.rows, a.columns)
        let (bRows, columns) = bTransposed ? (b.columns, b.rows) : (b.rows, b.columns)
        precondition(inner == bRows && rows == c.rows && columns == c.columns, "shapes differ")
        if rows == 0 || columns == 0 { return }
        unsafe sgemm(
            CblasRowMajor, aTransposed ? CblasTrans : CblasNoTrans,
            bTransposed ? CblasTrans : CblasNoTrans, Int32(rows), Int32(columns), Int32(inner),
            scale, a.base, Int32(a.stride), b.base, Int32(b.stride), accumulate ? 1 : 0, c.base,
            Int32(c.stride))
    }

    func multiplyRows(
        _ x: Matrix, _ w: Matrix, transposed: Bool, into c: MutableMatrix, padding: FloatBuffer
    ) {
        let columns = transposed ? w.rows : w.columns
        precondition(columns != 1, "a product of one column has no row-independent form")
        let enough = Self.rowsBeyondSmall(inner: x.columns, columns: columns)
        if x.rows >= enough {
            multiply(x, false, w, transposed, into: c)
            return
        }
        // Rows beyond the real ones hold whatever was there before: they touch no other row.
        var arena = Arena(padding)
        let wideX = arena.take(enough, x.columns)
        let wideC = arena.take(enough, columns)
        wideX.rows(0..<x.rows).copy(from: x)
        multiply(wideX.read, false, w, transposed, into: wideC)
        c.copy(from: wideC.read.rows(0..<x.rows))
    }
}
