import CKernels

/// The activation between the two feed-forward matrices of a layer.
public enum Activation: Int32, Sendable, Hashable, CaseIterable {
    /// x Φ(x), with the error function.
    case gelu = 0
    /// The approximation of GELU by a hyperbolic tangent.
    case geluTanh = 1
    /// max(x, 0).
    case relu = 2
}

/// The elementwise and low-rank kernels, in the build chosen for this processor.
///
/// Shape letters: T rows (tokens), H columns, r rank. Every method checks shapes and nothing else;
/// none allocates. All builds give identical bits.
@safe package struct Kernels: @unchecked Sendable {
    /// What a kernel build may use of the processor.
    package enum Level: Int32, Sendable, CaseIterable {
        /// SSE2, which every x86-64 processor has.
        case baseline = 0
        /// AVX2 with FMA.
        case avx2 = 1
        /// AVX-512.
        case avx512 = 2
    }

    /// Goes up whenever the bits of any kernel change, or of the encoder's passes made of them.
    package static let version = 2

    /// The build that was chosen.
    package let level: Level
    /// Whether activations fuse multiplications with additions, as fused products do: faster, and
    /// other bits.
    package private(set) var isFused = false
    /// A constant table in the program's image.
    private let table: UnsafePointer<tk_kernels>

    /// - Returns: `nil` when this processor cannot run that level.
    package init?(_ level: Level) {
        guard let found = unsafe tk_kernels_at(level.rawValue) else { return nil }
        self.level = level
        unsafe table = found
    }

    /// Columns of a panel, see `pack`.
    package static let panelColumns = Int(TK_PANEL)

    /// The same build with fused activations.
    package var fused: Kernels {
        var made = self
        made.isFused = true
        return made
    }

    /// The highest level that this processor runs.
    package static let best: Kernels = {
        guard let level = Level(rawValue: tk_best_level()), let kernels = Kernels(level) else {
            preconditionFailure("the baseline kernels run everywhere")
        }
        return kernels
    }()

}

// MARK: Activation, bias, normalization

extension Kernels {
    /// out = act(x + bias). Shapes: x, out (T, H); bias (1, H). `out` may be `x`.
    package func activate(
        _ kind: Activation, _ x: Matrix, bias: Matrix?, into out: MutableMatrix
    ) {
        same(x, out.read)
        row(bias, x.columns)
        let activate = unsafe isFused ? table.pointee.activate_fused : table.pointee.activate
        unsafe activate?(
            kind.rawValue, x.base, bias?.base, out.base, x.rows, x.columns)
    }

    /// Backward of `activate`: dx = dout · act'(x + bias), overwriting. `dx` may be `dout`.
    package func activateBackward(
        _ kind: Activation, _ x: Matrix, bias: Matrix?, _ dout: Matrix, into dx: MutableMatrix
    ) {
        same(x, dout)
        same(x, dx.read)
        row(bias, x.columns)
        let backward =
            unsafe isFused
            ? table.pointee.activate_backward_fused : table.pointee.activate_backward
        unsafe backward?(
            kind.rawValue, x.base, bias?.base, dout.base, dx.base, x.rows, x.columns)
    }

    /// x += bias on every row. Shapes: x (T, H), any stride; bias (1, H).
    package func addBias(_ bias: Matrix, to x: MutableMatrix) {
        row(bias, x.columns)
        unsafe table.pointee.add_bias(x.base, bias.base, x.rows, x.columns, x.stride)
    }

    /// y = LayerNorm(x + bias + residual) · gamma + beta. `y` may be `x`.
    ///
    /// Shapes: x, residual, y, normalized (T, H); bias (1, H); inverse (1, T).
    package func normalize(
        _ x: Matrix, bias: Matrix?, residual: Matrix?, norm: NormWeights, into y: MutableMatrix,
        keeping kept: (normalized: MutableMatrix, inverse: MutableMatrix)? = nil
    ) {
        same(x, y.read)
        if let residual { same(x, residual) }
        row(bias, x.columns)
        row(norm.gamma, x.columns)
        row(norm.beta, x.columns)
        if let kept {
            same(x, kept.normalized.read)
            row(kept.inverse.read, x.rows)
        }
        unsafe table.pointee.normalize(
            x.base, bias?.base, residual?.base, norm.gamma.base, norm.beta.base, norm.epsilon,
            y.base,
            kept?.normalized.base, kept?.inverse.base, x.rows, x.columns)
    }

    /// Backward of `normalize`: d of the sum inside, overwriting; the residual gets the same.
    package func normalizeBackward(
        _ dy: Matrix, gamma: Matrix, normalized: Matrix, inverse: Matrix, into dx: MutableMatrix
    ) {
        same(dy, normalized)
        same(dy, dx.read)
        row(gamma, dy.columns)
        row(inverse, dy.rows)
        unsafe table.pointee.normalize_backward(
            dy.base, gamma.base, normalized.base, inverse.base, dx.base, dy.rows, dy.columns)
    }

    /// out[t] = words[ids[t]] + types + positions[t]. The caller has checked the ids.
    package func embed(
        _ ids: Span<Int32>, words: Matrix, types: Matrix, positions: Matrix,
        into out: MutableMatrix
    ) {
        precondition(out.rows == ids.count && positions.rows >= ids.count && out.isContiguous)
        precondition(words.columns == out.columns && positions.columns == out.columns)
        row(types, out.columns)
        unsafe ids.withUnsafeBufferPointer { ids in
            unsafe table.pointee.embed(
                ids.baseAddress, ids.count, words.base, types.base, positions.base, out.base,
                out.columns)
        }
    }
}

// MARK: Attention

extension Kernels {
    /// Softmax of the first `columns` of each row in place; what is beyond becomes zero.
    ///
    /// - Parameter x: the whole rows, padding included.
    package func softmax(_ x: MutableMatrix, columns: Int) {
        precondition(
            columns > 0 && columns <= x.columns && x.isContiguous && x.stride % 16 == 0)
        unsafe table.pointee.softmax(x.base, x.rows, columns, x.stride)
    }

    /// Backward of `softmax` of logits scaled by `scale`: dp becomes d of the unscaled logits.
    package func softmaxBackward(_ p: Matrix, _ dp: MutableMatrix, columns: Int, scale: Float) {
        same(p, dp.read)
        precondition(columns > 0 && columns <= p.columns && p.stride % 16 == 0)
        unsafe table.pointee.softmax_backward(p.base, dp.base, scale, p.rows, columns, p.stride)
    }
}

// MARK: Small products

extension Kernels {
    /// c = scale · a · b, or of a transposed, overwriting.
    package func multiply(
        _ a: Matrix, transposed: Bool = false, by b: Matrix, into c: MutableMatrix,
        scale: Float = 1
    ) {
        let (rows, inner) = transposed ? (a.columns, a.rows) : (a.rows, a.columns)
        precondition(inner == b.rows && rows == c.rows && b.columns == c.columns, "shapes differ")
        unsafe table.pointee.multiply_small(
            a.base, transposed ? 1 : a.stride, transposed ? a.stride : 1, b.base, b.stride,
            c.base, c.stride, rows, b.columns, inner, scale)
    }

    /// The same by fused multiply-adds, of any size: other bits than `multiply`.
    package func multiplyFused(
        _ a: Matrix, transposed: Bool = false, by b: Matrix, into c: MutableMatrix,
        scale: Float = 1
    ) {
        let (rows, inner) = transposed ? (a.columns, a.rows) : (a.rows, a.columns)
        precondition(inner == b.rows && rows == c.rows && b.columns == c.columns, "shapes differ")
        unsafe table.pointee.multiply_fused(
            a.base, transposed ? 1 : a.stride, transposed ? a.stride : 1, b.base, b.stride,
            c.base, c.stride, rows, b.columns, inner, scale)
    }

    /// c = x · b by fused multiply-adds, for b in panels. Shapes: x (T, K), c (T, N), any stride.
    package func multiply(_ x: Matrix, panels: Matrix, into c: MutableMatrix) {
        precondition(x.rows == c.rows && panels.isContiguous, "shapes differ")
        checkPanels(panels, inner: x.columns, columns: c.columns)
        unsafe table.pointee.multiply_panels(
            x.base, x.stride, panels.base, c.base, c.stride, x.rows, c.columns, x.columns)
    }

    /// Lays a (K, N) matrix out in panels of 32 columns, or the transpose of an (N, K) one.
    /// Shape of the panels: (N / 32 rounded up, 32 · K).
    package func pack(
        _ b: Matrix, transposed: Bool, into panels: MutableMatrix, inner: Int, columns: Int
    ) {
        let shape = transposed ? (b.columns, b.rows) : (b.rows, b.columns)
        precondition(shape == (inner, columns) && panels.isContiguous, "shapes differ")
        checkPanels(panels.read, inner: inner, columns: columns)
        if transposed {
            unsafe table.pointee.pack_transposed(b.base, b.stride, panels.base, inner, columns)
        } else {
            unsafe table.pointee.pack(b.base, b.stride, panels.base, inner, columns)
        }
    }

    private func checkPanels(_ panels: Matrix, inner: Int, columns: Int) {
        let count = (columns + Self.panelColumns - 1) / Self.panelColumns
        precondition(
            panels.rows == count && panels.columns == inner * Self.panelColumns, "shapes differ")
    }

    /// out = xᵀ, its rows filled up with zeros. Shapes: x (T, K); out (K, T up to a multiple of 16).
    package func transpose(_ x: Matrix, into out: MutableMatrix) {
        precondition(out.rows == x.columns && out.columns == (x.rows + 15) / 16 * 16)
        unsafe table.pointee.transpose(
            x.base, x.stride, x.rows, x.columns, out.base, out.stride)
    }
}

// MARK: Low rank

extension Kernels {
    /// u = x · aᵀ, overwriting. Shapes: x (T, K), any stride; a (r, K); u (T, r).
    package func project(_ x: Matrix, _ a: Matrix, into u: MutableMatrix) {
        precondition(a.columns == x.columns && u.rows == x.rows && u.columns == a.rows)
        precondition(a.isContiguous && u.isContiguous)
        unsafe table.pointee.project(
            x.base, x.stride, a.base, u.base, x.rows, x.columns, a.rows)
    }

    /// y += scale · u · b. Shapes: u (T, r); b (r, N); y (T, N), any stride.
    package func expand(_ u: Matrix, _ b: Matrix, scale: Float, addingTo y: MutableMatrix) {
        precondition(b.rows == u.columns && y.rows == u.rows && y.columns == b.columns)
        precondition(u.isContiguous && b.isContiguous)
        unsafe table.pointee.expand(
            u.base, b.base, scale, y.base, y.stride, y.rows, y.columns, b.rows)
    }

    /// g += scale · vᵀ · x. Shapes: v (T, r); x (T, K), any stride; g (r, K).
    package func outer(_ v: Matrix, _ x: Matrix, scale: Float, addingTo g: MutableMatrix) {
        precondition(v.rows == x.rows && g.rows == v.columns && g.columns == x.columns)
        precondition(v.isContiguous && g.isContiguous)
        unsafe table.pointee.outer(
            v.base, x.base, x.stride, scale, g.base, x.rows, x.columns, v.columns)
    }

    /// Zeroes elements with chance `p` and scales the rest up by 1 / (1 - p).
    ///
    /// Which ones depends on the key, the row's number and the column alone.
    package func dropout(
        _ x: Matrix, chance p: Float, key: UInt64, firstRow: Int, into out: MutableMatrix
    ) {
        precondition(out.rows == x.rows && out.columns == x.columns && out.isContiguous)
        unsafe table.pointee.dropout(
            x.base, x.stride, out.base, p, key, UInt64(firstRow), x.rows, x.columns)
    }

    /// Backward of `dropout`, added to `dx`.
    package func dropoutBackward(
        _ dout: Matrix, chance p: Float, key: UInt64, firstRow: Int, addingTo dx: MutableMatrix
    ) {
        precondition(dout.rows == dx.rows && dout.columns == dx.columns && dout.isContiguous)
        unsafe table.pointee.dropout_backward_add(
            dout.base, dx.base, dx.stride, p, key, UInt64(firstRow), dout.rows, dout.columns)
    }
}

// MARK: Pooling and sums

extension Kernels {
    /// out = mean of the rows of x. Shapes: x (T, H); out (1, H).
    package func mean(_ x: Matrix, into out: MutableMatrix) {
        row(out.read, x.columns)
        precondition(x.rows > 0 && x.isContiguous)
        unsafe table.pointee.mean(x.base, out.base, x.rows, x.columns)
    }

    /// Backward of `mean`: every row of dx = dout / T, overwriting. Shapes: dout (1, H); dx (T, H).
    package func meanBackward(_ dout: Matrix, into dx: MutableMatrix) {
        row(dout, dx.columns)
        precondition(dx.rows > 0 && dx.isContiguous)
        unsafe table.pointee.mean_backward(dout.base, dx.base, dx.rows, dx.columns)
    }

    /// out = greatest of the rows of x by column; the row it came from goes to `from`, a column
    /// each, from element `start` on.
    package func greatest(
        _ x: Matrix, into out: MutableMatrix, from: inout [Int32], at start: Int
    ) {
        row(out.read, x.columns)
        precondition(x.rows > 0 && x.isContiguous)
        precondition(start >= 0 && start + x.columns <= from.count)
        unsafe from.withUnsafeMutableBufferPointer { from in
            guard let base = from.baseAddress else { return }
            unsafe table.pointee.greatest(x.base, out.base, base + start, x.rows, x.columns)
        }
    }

    /// Scales x (1, H) to unit length in place.
    ///
    /// - Returns: the length it had.
    package func unit(_ x: MutableMatrix) -> Float {
        var length: Float = 0
        unsafe table.pointee.unit(x.base, &length, x.columns)
        return length
    }

    /// Backward of `unit`, from its result y. `dx` may be `dy`.
    package func unitBackward(_ y: Matrix, length: Float, _ dy: Matrix, into dx: MutableMatrix) {
        row(dy, y.columns)
        row(dx.read, y.columns)
        unsafe table.pointee.unit_backward(y.base, length, dy.base, dx.base, y.columns)
    }

    /// y += x, elementwise.
    package func add(_ x: Matrix, to y: MutableMatrix) {
        same(x, y.read)
        unsafe table.pointee.add(y.base, x.base, x.rows * x.columns)
    }

    /// The sum of squares in double precision: finite exactly when every element is.
    package func sumOfSquares(_ x: Span<Float>) -> Double {
        unsafe x.withUnsafeBufferPointer { x in
            guard let start = x.baseAddress else { return 0 }
            return unsafe table.pointee.sum_of_squares(start, x.count)
        }
    }

    /// What one AdamW step needs besides the arrays.
    package struct AdamWStep {
        /// Factors of gradient, means, weights and step, worked out in double precision by the
        /// caller.
        package var gradientScale, beta1, beta2, decayFactor, stepSize, rootCorrection: Float
        /// Added to the root, against a division by zero.
        package var epsilon: Float

        /// Takes each factor as it is.
        package init(
            gradientScale: Float, beta1: Float, beta2: Float, decayFactor: Float, stepSize: Float,
            rootCorrection: Float, epsilon: Float
        ) {
            self.gradientScale = gradientScale
            self.beta1 = beta1
            self.beta2 = beta2
            self.decayFactor = decayFactor
            self.stepSize = stepSize
            self.rootCorrection = rootCorrection
            self.epsilon = epsilon
        }
    }

    /// One AdamW step over arrays of one length.
    package func adamW(
        _ parameters: inout [Float], m: inout [Float], v: inout [Float], gradient: Span<Float>,
        _ step: AdamWStep
    ) {
        let count = gradient.count
        precondition(parameters.count == count && m.count == count && v.count == count)
        unsafe parameters.withUnsafeMutableBufferPointer { p in
            unsafe m.withUnsafeMutableBufferPointer { m in
                unsafe v.withUnsafeMutableBufferPointer { v in
                    unsafe gradient.withUnsafeBufferPointer { g in
                        unsafe table.pointee.adamw(
                            p.baseAddress, m.baseAddress, v.baseAddress, g.baseAddress, count,
                            step.gradientScale, step.beta1, step.beta2, step.decayFactor,
                            step.stepSize, step.rootCorrection, step.epsilon)
                    }
                }
            }
        }
    }
}

extension Kernels {
    private func same(_ a: Matrix, _ b: Matrix) {
        precondition(a.rows == b.rows && a.columns == b.columns, "shapes differ")
        precondition(a.isContiguous && b.isContiguous, "rows with gaps")
    }

    private func row(_ a: Matrix?, _ columns: Int) {
        if let a { precondition(a.rows * a.columns == columns && a.isContiguous, "shapes differ") }
    }
}
