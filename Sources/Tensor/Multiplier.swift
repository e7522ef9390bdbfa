/// A matrix that rows are multiplied by, as the products of this process want it: a view of the
/// matrix itself, or a copy in panels of columns.
///
/// Lifetime: that of the memory it was placed in and, for a view, of the matrix.
package struct Multiplier: Sendable {
    /// Columns of the rows, and of the result.
    package let inner: Int
    /// Columns of the result.
    package let columns: Int
    /// Whether it multiplies by the transpose of its matrix.
    package let isTransposed: Bool
    fileprivate let layout: Layout

    fileprivate enum Layout: Sendable {
        case matrix(Matrix)
        case panels(MutableMatrix)
    }
}

/// What multiplies matrices: kernels of our own, or a library.
struct Products: Sendable {
    let kernels: Kernels
    /// `nil` for the fused products of our own kernels.
    let library: BLAS?

    /// About so many rows are multiplied at once: few enough for the second-level cache where the
    /// matrix lies ready in panels, more where the library packs it at every product.
    var rowsAtOnce: Int { library == nil ? 128 : 512 }

    /// Makes room to multiply rows by a matrix, or by its transpose; `fill` then fills it.
    func place(_ matrix: Matrix, transposed: Bool, in arena: inout Arena) -> Multiplier {
        let (inner, columns) =
            transposed ? (matrix.columns, matrix.rows) : (matrix.rows, matrix.columns)
        var layout = Multiplier.Layout.matrix(matrix)
        if library == nil {
            let width = Kernels.panelColumns
            layout = .panels(arena.take((columns + width - 1) / width, inner * width))
        }
        return Multiplier(
            inner: inner, columns: columns, isTransposed: transposed, layout: layout)
    }

    func fill(_ multiplier: Multiplier, from matrix: Matrix) {
        guard case .panels(let panels) = multiplier.layout else { return }
        kernels.pack(
            matrix, transposed: multiplier.isTransposed, into: panels, inner: multiplier.inner,
            columns: multiplier.columns)
    }

    func multiplyRows(
        _ x: Matrix, by w: Multiplier, into c: MutableMatrix, padding: FloatBuffer?
    ) {
        precondition(x.columns == w.inner && c.columns == w.columns && c.rows == x.rows)
        switch w.layout {
        case .panels(let panels):
            kernels.multiply(x, panels: panels.read, into: c)
        case .matrix(let matrix):
            guard let library, let padding else {
                preconditionFailure("the multiplier is of other products")
            }
            library.multiplyRows(
                x, matrix, transposed: w.isTransposed, into: c, padding: padding)
        }
    }

    func multiplyHead(
        _ a: Matrix, transposed: Bool, _ b: Matrix, into c: MutableMatrix, scale: Float
    ) {
        guard let library else {
            kernels.multiplyFused(a, transposed: transposed, by: b, into: c, scale: scale)
            return
        }
        if a.rows * a.columns * b.columns <= BLAS.smallProduct {
            kernels.multiply(a, transposed: transposed, by: b, into: c, scale: scale)
        } else {
            library.multiply(a, transposed, b, false, into: c, scale: scale)
        }
    }

    func paddingFloats(inner: Int, columns: Int) -> Int {
        guard library != nil else { return 0 }
        let rows = BLAS.rowsBeyondSmall(inner: inner, columns: columns)
        return Arena.floats(rows, inner) + Arena.floats(rows, columns)
    }
}
