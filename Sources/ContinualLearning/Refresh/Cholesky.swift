/// The factor of a symmetric positive definite matrix, and what is solved with it.
///
/// Plain loops over rows, in one order: the same bits on every machine.
package struct Cholesky: Sendable {
    /// Rows of the matrix.
    package let count: Int
    /// U with U'U = M; what is below the diagonal means nothing. Shape (count, count).
    private var upper: [Double]

    /// - Parameter matrix: shape (count, count); its upper triangle is read.
    /// - Returns: `nil` when it is not positive definite.
    /// - Complexity: O(count³).
    package init?(_ matrix: [Double], count: Int) {
        precondition(matrix.count == count * count)
        self.count = count
        upper = matrix
        let factored = unsafe upper.withUnsafeMutableBufferPointer { u in
            for k in 0..<count {
                let square = unsafe u[k * count + k]
                guard square > 0, square.isFinite else { return false }
                let scale = 1 / square.squareRoot()
                for j in k..<count { unsafe u[k * count + j] *= scale }
                for i in k + 1..<max(count, k + 1) {
                    let factor = unsafe u[k * count + i]
                    for j in i..<count {
                        unsafe u[i * count + j] -= factor * u[k * count + j]
                    }
                }
            }
            return true
        }
        guard factored else { return nil }
    }

    /// Solves M X = B in place, for right-hand sides side by side.
    ///
    /// - Parameters:
    ///   - b: shape (count, columns).
    package func solve(_ b: inout [Double], columns: Int) {
        precondition(b.count == count * columns)
        unsafe upper.withUnsafeBufferPointer { u in
            unsafe b.withUnsafeMutableBufferPointer { b in
                for k in 0..<count {
                    let scale = unsafe 1 / u[k * count + k]
                    for c in 0..<columns { unsafe b[k * columns + c] *= scale }
                    for i in k + 1..<max(count, k + 1) {
                        let factor = unsafe u[k * count + i]
                        for c in 0..<columns {
                            unsafe b[i * columns + c] -= factor * b[k * columns + c]
                        }
                    }
                }
                for k in stride(from: count - 1, through: 0, by: -1) {
                    for j in k + 1..<max(count, k + 1) {
                        let factor = unsafe u[k * count + j]
                        for c in 0..<columns {
                            unsafe b[k * columns + c] -= factor * b[j * columns + c]
                        }
                    }
                    let scale = unsafe 1 / u[k * count + k]
                    for c in 0..<columns { unsafe b[k * columns + c] *= scale }
                }
            }
        }
    }

    /// M⁻¹ B. Shape of `b` and the result: (count, columns).
    package func solving(_ b: [Double], columns: Int = 1) -> [Double] {
        var x = b
        solve(&x, columns: columns)
        return x
    }

    /// M⁻¹.
    package var inverse: [Double] {
        var identity = [Double](repeating: 0, count: count * count)
        for k in 0..<count { identity[k * count + k] = 1 }
        return solving(identity, columns: count)
    }
}
