extension ResponseHead {
    /// Posterior means of the text weights. Shape (D); empty for a head that knows no texts.
    public var textWeights: [Double] {
        (0..<dimension).map { core.presentMean(GaussianCore.firstText + $0) }
    }
}
