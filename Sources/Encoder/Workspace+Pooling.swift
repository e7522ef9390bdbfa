import Tensor

extension Workspace {
    /// Pools each text's rows and scales the vector as the base's files say.
    ///
    /// - Parameters:
    ///   - vectors: row `text` takes that text's vector. Shape: (texts, H).
    ///   - lengths: element `text` takes the vector's length before scaling. Shape: (1, texts).
    func pool(_ hidden: Matrix, into vectors: MutableMatrix, lengths: MutableMatrix) {
        let columns = base.hiddenSize
        for (number, sequence) in sequences.enumerated() {
            let rows = hidden.rows(sequence.rows)
            let out = vectors.rows(sequence.text..<sequence.text + 1)
            switch base.pooling.mode {
            case .mean: kernels.mean(rows, into: out)
            case .cls: out.copy(from: rows.rows(0..<1))
            case .max:
                kernels.greatest(rows, into: out, from: &greatestRows, at: number * columns)
            }
            if base.pooling.isNormalized {
                lengths.rows(0..<1).columns(sequence.text..<sequence.text + 1)
                    .fill(kernels.unit(out))
            }
        }
    }

    /// Makes room for what `pool` notes when it pools by the greatest value.
    func preparePooling() {
        guard base.pooling.mode == .max else { return }
        let count = sequences.count * base.hiddenSize
        if greatestRows.count < count {
            greatestRows = [Int32](repeating: 0, count: count + count / 4)
        }
    }

    /// Backward of `pool`: d of the rows goes to `backward.dy`; `dvectors` is used up.
    func poolBackward(_ vectors: Matrix, lengths: Matrix, _ dvectors: MutableMatrix) {
        guard let backward = training.backward else { preconditionFailure("no room for backward") }
        let columns = base.hiddenSize
        for (number, sequence) in sequences.enumerated() {
            let row = sequence.text..<sequence.text + 1
            let dout = dvectors.rows(row)
            if base.pooling.isNormalized {
                kernels.unitBackward(
                    vectors.rows(row), length: lengths[0, sequence.text], dout.read, into: dout)
            }
            let drows = backward.dy.rows(sequence.rows)
            switch base.pooling.mode {
            case .mean:
                kernels.meanBackward(dout.read, into: drows)
            case .cls:
                drows.fill(0)
                drows.rows(0..<1).copy(from: dout.read)
            case .max:
                drows.fill(0)
                for column in 0..<columns {
                    let from = Int(greatestRows[number * columns + column])
                    drows.set(from, column, to: dout.read[0, column])
                }
            }
        }
    }
}
